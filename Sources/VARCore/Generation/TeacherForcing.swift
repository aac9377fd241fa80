package import VARCompute
package import VARModel

/// Runs the transformer over given tokens instead of drawing some.
///
/// Scale by scale through the KV cache, which gives the same logits as one pass over all tokens with
/// a mask that is causal by scale.
package final class TeacherForcing {
  private let loop: ScaleLoop
  /// Pictures of a batch, B.
  package var images: Int { loop.images }
  /// Side of each scale's token map.
  package var patchNumbers: [Int] { loop.patchNumbers }
  /// Token ids, V.
  package var vocabulary: Int { loop.vocabulary }

  /// Allocates for batches of `images`.
  /// - Throws: ``ModelError/missingHalf(path:half:purpose:)``, `ComputeError.outOfMemory`.
  package init(_ model: Model, _ compute: Compute, images: Int, purpose: String) throws {
    loop = try ScaleLoop(model, compute, images: images, guided: false, purpose: purpose)
  }

  /// Predicts every scale from the tokens of the scales before it.
  ///
  /// - Parameters:
  ///   - tokens: of 1 to ``images`` pictures; a batch that is not full repeats the first.
  ///   - labels: as many.
  ///   - onScale: sees the logits [B·n, V] of each scale.
  package func run(
    _ tokens: [TokenMaps], labels: [ClassLabel],
    onScale: @escaping (Int, FloatMatrix) throws -> Void
  ) throws {
    guard !tokens.isEmpty, tokens.count <= images else {
      throw ModelError.count(of: "token maps", expected: images, actual: tokens.count)
    }
    guard labels.count == tokens.count else {
      throw ModelError.count(of: "labels", expected: tokens.count, actual: labels.count)
    }
    for maps in tokens { try maps.validate(patchNumbers: patchNumbers, vocabulary: vocabulary) }
    let missing = images - tokens.count
    var step = GivenStep(
      tokens: tokens + Array(repeating: tokens[0], count: missing), onScale: onScale)
    try loop.run(labels: labels + Array(repeating: labels[0], count: missing), &step)
  }
}

/// Takes each scale's tokens from a list, and shows the logits that predict them.
private struct GivenStep: ScaleStep {
  /// Of the B images.
  let tokens: [TokenMaps]
  let onScale: (Int, FloatMatrix) throws -> Void

  func sequences(scale: Int, of loop: ScaleLoop) -> Int { tokens.count }

  mutating func choose(from logits: FloatMatrix, scale: Int) throws { try onScale(scale, logits) }

  mutating func embed(scale: Int, into quantizer: Quantizer) {
    for (image, maps) in tokens.enumerated() {
      quantizer.embed(maps.scales[scale][...], image: image)
    }
  }
}
