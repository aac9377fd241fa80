import VARCompute
import VARModel

/// Runs the transformer over given tokens instead of drawing some.
///
/// Scale by scale through the KV cache, which gives the same logits as one pass over all tokens with
/// a mask that is causal by scale.
final class TeacherForcing {
  /// Pictures of a batch, B.
  let images: Int
  let patchNumbers: [Int]
  let vocabulary: Int
  private let transformer: Transformer
  private let quantizer: Quantizer

  /// Allocates for batches of `images`.
  /// - Throws: ``ModelError/missingHalf(path:half:purpose:)``, `ComputeError.outOfMemory`.
  init(_ model: Model, _ compute: Compute, images: Int, purpose: String) throws {
    let weights = try model.transformer(for: purpose)
    self.images = max(1, images)
    transformer = try Transformer(weights, compute, images: self.images, guided: false)
    quantizer = try Quantizer(model.tokenizer(for: purpose), compute, images: self.images)
    patchNumbers = weights.configuration.patchNumbers
    vocabulary = weights.configuration.vocabulary
  }

  /// Predicts every scale from the tokens of the scales before it.
  ///
  /// - Parameters:
  ///   - tokens: of 1 to ``images`` pictures; a batch that is not full repeats the first.
  ///   - labels: as many; nil is the unconditional class.
  ///   - onScale: sees the logits [B·n, V] of each scale.
  func run(
    _ tokens: [TokenMaps], labels: [Int?], onScale: (Int, FloatMatrix) throws -> Void
  ) throws {
    guard !tokens.isEmpty, tokens.count <= images else {
      throw ModelError.count(of: "token maps", expected: images, actual: tokens.count)
    }
    guard labels.count == tokens.count else {
      throw ModelError.count(of: "labels", expected: tokens.count, actual: labels.count)
    }
    for maps in tokens { try maps.validate(patchNumbers: patchNumbers, vocabulary: vocabulary) }
    let rows = try transformer.weights.configuration.rows(of: labels)
    try transformer.begin(
      labels: rows + Array(repeating: rows[0], count: images - rows.count))
    quantizer.reset()
    for scale in patchNumbers.indices {
      for block in transformer.weights.blocks.indices { try transformer.run(block: block) }
      try onScale(scale, transformer.head(sequences: images))
      guard scale + 1 < patchNumbers.count else { break }
      for image in 0..<images {
        let maps = image < tokens.count ? tokens[image] : tokens[0]
        quantizer.embed(maps.scales[scale][...], image: image)
      }
      try quantizer.accumulate(scale: scale)
      try transformer.embed(quantizer.nextInput(scale: scale + 1))
    }
  }
}
