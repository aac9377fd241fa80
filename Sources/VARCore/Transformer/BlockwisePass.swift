package import VARCompute
package import VARModel
package import VARQuant

/// Runs the transformer over given tokens block by block instead of scale by scale: all pictures pass
/// through block 0, then all of them through block 1, and so on.
///
/// The numbers are those of ``TeacherForcing``. What is held is the residual stream of all pictures
/// and the cache of one block, so that little of a large model needs to be in memory at a time.
package final class BlockwisePass {
  /// Pictures that run together.
  private static let batchImages = 8

  /// Pictures of a batch, and their stream before the block that runs next.
  private struct Batch {
    let images: Int
    let modulation: AdaLNTable
    /// The scales one after another, [images, n, C] each.
    let stream: FloatBuffer
  }

  private let transformer: Transformer
  private let patchNumbers: [Int]
  private let width: Int
  private var batches: [Batch] = []

  /// Embeds the pictures' tokens.
  /// - Parameters:
  ///   - compute: not in ``ComputeMode/int8``, if the inputs of layers are wanted.
  ///   - tokens: of at least one picture.
  ///   - labels: as many.
  /// - Throws: ``ModelError``, `ComputeError.outOfMemory`.
  package init(
    _ model: Model, _ compute: Compute, tokens: [TokenMaps], labels: [ClassLabel],
    monitor: RunMonitor = RunMonitor()
  ) throws {
    guard !tokens.isEmpty, labels.count == tokens.count else {
      throw ModelError.count(of: "labels", expected: tokens.count, actual: labels.count)
    }
    let weights = try model.transformer(for: "calibrating")
    let images = min(Self.batchImages, tokens.count)
    patchNumbers = weights.configuration.patchNumbers
    width = weights.configuration.width
    transformer = try Transformer(
      weights, compute, images: images, guided: false, monitor: monitor, cachedBlocks: 1)
    let quantizer = try Quantizer(
      model.tokenizer(for: "calibrating"), compute, images: images)
    let rows = try weights.configuration.rows(of: labels)
    for maps in tokens {
      try maps.validate(
        patchNumbers: patchNumbers, vocabulary: weights.configuration.vocabulary)
    }
    for start in stride(from: 0, to: tokens.count, by: images) {
      let range = start..<min(start + images, tokens.count)
      batches.append(try embed(Array(tokens[range]), Array(rows[range]), quantizer))
    }
  }

  /// Runs the next block over all pictures; the blocks come in order.
  /// - Parameter onInput: sees the inputs of its layers, [rows, K], of which the first `count` are to
  ///   be looked at.
  package func run(
    block: Int, onInput: @escaping (WeightMatrix, ActivationBuffer, _ count: Int) throws -> Void
  ) throws {
    try forEachScale(onInput) { _ in try transformer.run(block: block) }
  }

  /// Runs the head over all pictures, after the last block.
  /// - Parameter onLogits: sees the logits [images·n, V] of each scale of a batch.
  package func runHead(
    onInput: @escaping (WeightMatrix, ActivationBuffer, _ count: Int) throws -> Void = { _, _, _ in
    },
    onLogits: (FloatMatrix) throws -> Void = { _ in }
  ) throws {
    try forEachScale(onInput) { images in try onLogits(transformer.head(sequences: images)) }
  }

  private func forEachScale(
    _ onInput: @escaping (WeightMatrix, ActivationBuffer, Int) throws -> Void,
    _ body: (_ images: Int) throws -> Void
  ) throws {
    defer { transformer.onInput = nil }
    for batch in batches {
      transformer.modulation = batch.modulation
      var position = 0
      for side in patchNumbers {
        let tokens = side * side
        let place = position * batch.images * width
        transformer.resume(tokens: tokens, position: position)
        // Rows of pictures that only fill the batch are not looked at.
        transformer.onInput = { try onInput($0, $1, batch.images * tokens) }
        Self.copy(
          batch.stream, place, to: transformer.activations.buffer, 0,
          count: batch.images * tokens * width)
        try body(batch.images)
        Self.copy(
          transformer.activations.buffer, 0, to: batch.stream, place,
          count: batch.images * tokens * width)
        position += tokens
      }
    }
  }

  /// The stream of a batch before the first block; a batch that is not full repeats its first picture.
  private func embed(
    _ tokens: [TokenMaps], _ rows: [Int], _ quantizer: Quantizer
  ) throws -> Batch {
    let shape = transformer.weights.configuration
    let missing = transformer.images - tokens.count
    let batch = Batch(
      images: tokens.count,
      modulation: try AdaLNTable(
        rows: transformer.images, width: width, depth: shape.depth),
      stream: try FloatBuffer(count: tokens.count * shape.tokens * width))
    transformer.modulation = batch.modulation
    try transformer.begin(labels: rows + Array(repeating: rows[0], count: missing))
    quantizer.reset()
    var place = 0
    for scale in patchNumbers.indices {
      if scale > 0 { try transformer.embed(quantizer.nextInput(scale: scale)) }
      let count = tokens.count * patchNumbers[scale] * patchNumbers[scale] * width
      Self.copy(transformer.activations.buffer, 0, to: batch.stream, place, count: count)
      place += count
      for image in 0..<transformer.images {
        let maps = tokens[image < tokens.count ? image : 0]
        quantizer.embed(maps.scales[scale][...], image: image)
      }
      try quantizer.accumulate(scale: scale)
    }
    return batch
  }

  private static func copy(
    _ source: FloatBuffer, _ from: Int, to target: FloatBuffer, _ to: Int, count: Int
  ) {
    source.withSpan(in: from..<from + count) { source in
      target.withMutableSpan(in: to..<to + count) { target in
        for index in 0..<target.count { target[index] = source[index] }
      }
    }
  }
}
