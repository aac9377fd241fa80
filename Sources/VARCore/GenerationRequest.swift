import VARModel

/// What a batch of pictures shall be.
package struct GenerationRequest: Sendable {
  /// Class of each picture; nil is the unconditional class.
  package var labels: [Int?]
  /// Guidance and filters.
  package var options: SamplingOptions
  /// The random numbers, advanced past the draws of the labels if these were drawn.
  package var random: RandomStreams
  /// Keeps a part of a picture instead of generating all of it.
  package var edit: Edit?

  /// Makes a request; ``Generator/generate(_:onScale:)`` checks it.
  package init(
    labels: [Int?], options: SamplingOptions, random: RandomStreams, edit: Edit? = nil
  ) {
    self.labels = labels
    self.options = options
    self.random = random
    self.edit = edit
  }
}

/// A picture's tokens, and which of them an edit keeps.
package struct Edit: Sendable {
  /// The picture's own tokens.
  package var tokens: TokenMaps
  /// Which positions keep them.
  package var mask: EditMask

  /// Makes an edit for all pictures of a batch.
  package init(tokens: TokenMaps, mask: EditMask) {
    self.tokens = tokens
    self.mask = mask
  }
}

/// A generated picture before it is decoded.
package struct GeneratedImage: Sendable {
  /// The drawn tokens, at kept positions too.
  package var drawn: TokenMaps
  /// The drawn tokens, at kept positions the picture's own: they decode to the picture (except in
  /// smooth mode, where embeddings are mixed).
  package var tokens: TokenMaps
  /// f̂, [P, P, Z]: what ``ImageCodec`` decodes.
  package var latent: [Float]
}

/// A scale of a batch that has been generated.
package struct ScaleEvent {
  /// The scale, from 0.
  package let scale: Int
  /// Number of scales.
  package let scales: Int
  let quantizer: Quantizer

  /// f̂ of an image so far, [P, P, Z].
  package func latent(image: Int) -> [Float] { quantizer.latent(image: image) }
}
