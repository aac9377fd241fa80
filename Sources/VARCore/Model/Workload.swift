import VARCompute
import VARModel
import VARQuant

/// What a phase of a run has to do at least, from the model's shape.
package struct Workload: Sendable {
  /// Floating-point operations; a multiply-add counts as two.
  package let operations: Double
  /// Bytes of weights, read once.
  package let weightBytes: Double
}

extension Model {
  /// One scale of the transformer: block linears, attention over the keys so far, the head.
  /// - Parameters:
  ///   - sequences: rows of the batch, 2B with guidance.
  ///   - guided: whether the unconditional logits are needed at this scale.
  package func workload(scale: Int, sequences: Int, guided: Bool) -> Workload {
    guard let weights = transformer else { return Workload(operations: 0, weightBytes: 0) }
    let shape = weights.configuration
    let tokens = shape.patchNumbers[scale] * shape.patchNumbers[scale]
    let keys = shape.patchNumbers[...scale].reduce(0) { $0 + $1 * $1 }
    let rows = Double(sequences * tokens)
    let matrices = weights.blocks.flatMap { block in
      [block.qkv.weight, block.projection.weight, block.fc1.weight, block.fc2.weight]
    }
    let elements = matrices.reduce(0) { $0 + $1.rows * $1.columns }
    let attention = 4 * rows * Double(keys * shape.width * shape.depth)
    let headRows = Double((guided ? sequences : min(sequences, sequences / 2 + 1)) * tokens)
    let head = 2 * headRows * Double(shape.vocabulary * shape.width)
    let bytes = (matrices + [weights.head.weight]).reduce(0) { $0 + $1.bytes.count }
    return Workload(
      operations: 2 * rows * Double(elements) + attention + head, weightBytes: Double(bytes))
  }

  /// adaLN of all blocks and the head for the rows of a batch.
  package func adaLNWorkload(sequences: Int) -> Workload {
    let matrices = transformer?.adaLNMatrices ?? []
    let elements = matrices.reduce(0) { $0 + $1.rows * $1.columns }
    return Workload(
      operations: 2 * Double(sequences * elements),
      weightBytes: Double(matrices.reduce(0) { $0 + $1.bytes.count }))
  }

  /// Decoding the pictures of a batch; multiplications as in the definition of a convolution.
  package func decoderWorkload(images: Int) -> Workload {
    guard let weights = tokenizer else { return Workload(operations: 0, weightBytes: 0) }
    var counter = WorkloadCounter(side: weights.configuration.patchNumbers.last ?? 0)
    counter.add(weights.postQuantConvolution)
    counter.add(weights.decoder.input)
    for stage in weights.decoder.stages { counter.add(stage) }
    counter.add(weights.decoder.output)
    return Workload(
      operations: counter.operations * Double(images), weightBytes: counter.bytes * Double(images))
  }
}

/// Adds up the stages of a network while it keeps track of the map's side.
private struct WorkloadCounter {
  var side: Int
  var operations = 0.0
  var bytes = 0.0

  mutating func add(_ weight: WeightMatrix) {
    operations += 2 * Double(side * side) * Double(weight.rows * weight.columns)
    bytes += Double(weight.bytes.count)
  }

  mutating func add(_ convolution: Convolution) {
    side = convolution.outputSide(side)
    add(convolution.weight)
  }

  mutating func add(_ stage: ImageStage) {
    switch stage {
    case .resample(let convolution):
      add(convolution)
    case .residual(let block):
      add(block.conv1)
      add(block.conv2)
      if let shortcut = block.shortcut { add(shortcut.weight) }
    case .attention(let block):
      let channels = block.projection.weight.rows
      add(block.qkv.weight)
      add(block.projection.weight)
      operations += 4 * Double(side * side) * Double(side * side) * Double(channels)
    }
  }
}
