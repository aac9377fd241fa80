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
    let side = weights.configuration.patchNumbers.last ?? 0
    var counter = WorkloadCounter()
    counter.add(.convolution(weights.postQuantConvolution, side: side, hasNorm: false))
    for pass in weights.decoder.passes(from: side) { counter.add(pass) }
    return Workload(
      operations: counter.operations * Double(images), weightBytes: counter.bytes * Double(images))
  }
}

/// Adds up the passes of a network.
private struct WorkloadCounter {
  var operations = 0.0
  var bytes = 0.0

  mutating func add(_ pass: ImagePass) {
    switch pass {
    case .convolution(let convolution, let side, _):
      add(convolution.weight, side: convolution.outputSide(side))
    case .pointwise(let layer, let side, _):
      add(layer.weight, side: side)
    case .attention(let channels, let side):
      operations += 4 * Double(side * side) * Double(side * side) * Double(channels)
    }
  }

  private mutating func add(_ weight: WeightMatrix, side: Int) {
    operations += 2 * Double(side * side) * Double(weight.rows * weight.columns)
    bytes += Double(weight.bytes.count)
  }
}
