package import VARCompute
package import VARImages
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

  /// Channels of f̂, Z.
  package var latentChannels: Int { shape.latentChannels }
  /// Token ids, V.
  package var vocabulary: Int { shape.vocabulary }

  /// Encodes a picture [S, S] to tokens by multi-scale residual quantization.
  /// - Throws: ``ModelError/pixels(expected:width:height:)``, `ComputeError.outOfMemory`.
  package func encode(_ image: Image) throws -> EncodedImage {
    let scales = try quantizer.encode(features(of: image))
    try monitor.poll()
    return EncodedImage(
      tokens: TokenMaps(scales.map(\.tokens)), margins: scales.map(\.margins))
  }

  /// f̂ [1, P, P, Z] of a picture's tokens, valid until the next call.
  ///
  /// - Parameter onScale: called with the scale and f̂ so far.
  /// - Returns: f̂ of all scales.
  /// - Throws: ``ModelError/tokenMaps(expected:actual:)``,
  ///   ``ModelError/token(_:scale:position:vocabulary:)``.
  package func features(
    of tokens: TokenMaps, onScale: (Int, FeatureMap) throws -> Void = { _, _ in }
  ) throws -> FeatureMap {
    try tokens.validate(patchNumbers: shape.patchNumbers, vocabulary: shape.vocabulary)
    quantizer.reset()
    for scale in tokens.scales.indices {
      quantizer.embed(tokens.scales[scale][...], image: 0)
      try quantizer.accumulate(scale: scale)
      try monitor.poll()
      try onScale(scale, quantizer.features)
    }
    return quantizer.features
  }
}
