import VARModel

/// A picture as tokens.
package struct EncodedImage: Equatable, Sendable {
  /// The tokens of each scale.
  package var tokens: TokenMaps
  /// How much farther the second best codebook row was at each position (squared distance; a
  /// difference of cosines when z-normed): where it is tiny, rounding decided.
  package var margins: [[Float]]
}

extension ImageCodec {
  /// Side of the pictures, S.
  package var side: Int { shape.imageSide }
  /// Side of each scale's token map.
  package var patchNumbers: [Int] { shape.patchNumbers }

  /// Encodes 8-bit RGB pixels [S, S, 3] to tokens by multi-scale residual quantization.
  /// - Throws: ``ModelError/pixels(expected:actual:)``, `ComputeError.outOfMemory`.
  package func encode(_ image: [UInt8]) throws -> EncodedImage {
    let scales = try quantizer.encode(features(of: image))
    return EncodedImage(
      tokens: TokenMaps(scales.map(\.tokens)), margins: scales.map(\.margins))
  }

  /// f̂ [P, P, Z] of a picture's tokens, after each scale or only after the last.
  ///
  /// - Parameter onScale: called with the scale and f̂ so far.
  /// - Returns: f̂ of all scales.
  /// - Throws: ``ModelError/tokenMaps(expected:actual:)``,
  ///   ``ModelError/token(_:scale:position:vocabulary:)``.
  package func latent(
    of tokens: TokenMaps, onScale: (Int, [Float]) throws -> Void = { _, _ in }
  ) throws -> [Float] {
    try tokens.validate(patchNumbers: shape.patchNumbers, vocabulary: shape.vocabulary)
    quantizer.reset()
    for scale in tokens.scales.indices {
      quantizer.embed(tokens.scales[scale][...], image: 0)
      try quantizer.accumulate(scale: scale)
      try onScale(scale, quantizer.latent(image: 0))
    }
    return quantizer.latent(image: 0)
  }

  /// Decodes f̂ [P, P, Z] to 8-bit RGB pixels, round(255·x), [S, S, 3].
  /// - Throws: ``ModelError/latent(expected:actual:)``, ``ModelError/notFinite(_:)``,
  ///   `ComputeError.outOfMemory`.
  package func pixels(of latent: [Float]) throws -> [UInt8] {
    try decode(latent).map { UInt8(($0 * 255).rounded(.toNearestOrEven)) }
  }
}
