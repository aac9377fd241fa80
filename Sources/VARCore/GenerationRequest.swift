import VARModel

/// What a batch of pictures shall be.
public struct GenerationRequest: Sendable {
  /// Class of each picture; nil is the unconditional class.
  public var labels: [Int?]
  /// Guidance and filters.
  public var options: SamplingOptions
  /// The random numbers, advanced past the draws of the labels if these were drawn.
  public var random: RandomStreams
  /// Keeps a part of a picture instead of generating all of it.
  public var edit: Edit?

  /// Makes a request; ``Generator/generate(_:onScale:)`` checks it.
  public init(
    labels: [Int?], options: SamplingOptions, random: RandomStreams, edit: Edit? = nil
  ) {
    self.labels = labels
    self.options = options
    self.random = random
    self.edit = edit
  }
}

/// A picture's tokens, and which of them an edit keeps.
public struct Edit: Sendable {
  /// The picture's own tokens.
  public var tokens: TokenMaps
  /// Which positions keep them.
  public var mask: EditMask

  /// Makes an edit for all pictures of a batch.
  public init(tokens: TokenMaps, mask: EditMask) {
    self.tokens = tokens
    self.mask = mask
  }
}

/// A generated picture before it is decoded.
public struct GeneratedImage: Sendable {
  /// The drawn tokens, at kept positions too.
  public var drawn: TokenMaps
  /// The drawn tokens, at kept positions the picture's own: they decode to the picture (except in
  /// smooth mode, where embeddings are mixed).
  public var tokens: TokenMaps
  /// f̂, [P, P, Z]: what ``ImageCodec`` decodes.
  public var latent: [Float]
}

/// A scale of a batch that has been generated.
public struct ScaleEvent {
  /// The scale, from 0.
  public let scale: Int
  /// Number of scales.
  public let scales: Int
  let quantizer: Quantizer

  /// f̂ of an image so far, [P, P, Z].
  public func latent(image: Int) -> [Float] { quantizer.latent(image: image) }
}
