package import VARCompute
package import VARModel

/// What a batch of pictures shall be.
package struct GenerationRequest: Sendable {
  /// Class of each picture.
  package var labels: [ClassLabel]
  /// Guidance and filters.
  package var options: SamplingOptions
  /// The random numbers, advanced past the draws of the labels if these were drawn.
  package var random: RandomStreams
  /// Keeps a part of a picture instead of generating all of it.
  package var edit: TokenEdit?

  /// Makes a request; ``Generator/generate(_:onEvent:)`` checks it.
  package init(
    labels: [ClassLabel], options: SamplingOptions, random: RandomStreams, edit: TokenEdit? = nil
  ) {
    self.labels = labels
    self.options = options
    self.random = random
    self.edit = edit
  }
}

/// A picture's tokens, and which of them an edit keeps.
package struct TokenEdit: Sendable {
  /// The picture's own tokens.
  package var tokens: TokenMaps
  /// Which positions keep them.
  package var mask: EditMask
  /// Which coarse tokens keep them.
  package var rule: KeepRule
  /// The first scale that is drawn at all; those before it keep the picture's tokens everywhere.
  package var firstScale: Int

  /// Makes an edit for all pictures of a batch.
  package init(
    tokens: TokenMaps, mask: EditMask, rule: KeepRule = .official, firstScale: Int = 0
  ) {
    self.tokens = tokens
    self.mask = mask
    self.rule = rule
    self.firstScale = firstScale
  }
}

/// A generated picture before it is decoded.
package struct GeneratedImage {
  /// The drawn tokens, at kept positions too.
  package var drawn: TokenMaps
  /// The drawn tokens, at kept positions the picture's own: they decode to the picture (except in
  /// smooth mode, where embeddings are mixed).
  package var tokens: TokenMaps
  /// f̂, [1, P, P, Z] in memory of its own: what ``ImageCodec`` decodes.
  package var features: FeatureMap
}
