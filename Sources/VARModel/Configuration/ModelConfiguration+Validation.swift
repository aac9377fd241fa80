/// Why a configuration is not one of a VAR model that can be run.
package enum ConfigurationError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The file holds neither a transformer nor a VQ-VAE.
  case empty
  /// A number is outside what this program runs: which one, its value, and what is allowed.
  case outOfRange(name: String, value: Int, allowed: String)
  /// Two numbers of the model contradict each other.
  case inconsistent(String)

  /// The message for the user.
  package var description: String {
    switch self {
    case .empty:
      "the model has neither a transformer nor a VQ-VAE"
    case .outOfRange(let name, let value, let allowed):
      "\(name) is \(value), but must be \(allowed)"
    case .inconsistent(let message):
      message
    }
  }
}

extension ModelConfiguration {
  /// Checks every number against the limits of a runnable model, and both halves against each other.
  ///
  /// Afterwards products of any three dimensions fit an `Int` with room to spare.
  /// - Throws: ``ConfigurationError``.
  package func validate() throws(ConfigurationError) {
    guard transformer != nil || tokenizer != nil else { throw .empty }
    try transformer?.validate()
    try tokenizer?.validate()
    if let transformer, let tokenizer { try Self.validateFit(transformer, tokenizer) }
    if !classNames.isEmpty, let classes = transformer?.classes, classNames.count != classes {
      throw .inconsistent("\(classNames.count) class names for \(classes) classes")
    }
    if let guidance {
      guard transformer != nil else {
        throw .inconsistent("a default guidance is of no use without a transformer")
      }
      guard (0...1000).contains(guidance) else {
        throw .inconsistent("the default guidance is \(guidance), but must be 0 to 1000")
      }
    }
  }

  private static func validateFit(
    _ transformer: TransformerConfiguration, _ tokenizer: TokenizerConfiguration
  ) throws(ConfigurationError) {
    if transformer.vocabulary != tokenizer.vocabulary {
      throw .inconsistent(
        "the transformer predicts \(transformer.vocabulary) tokens (head.weight), the VQ-VAE has "
          + "\(tokenizer.vocabulary) (quantize.embedding.weight): they are not a pair")
    }
    if transformer.latentChannels != tokenizer.latentChannels {
      throw .inconsistent(
        "the transformer reads \(transformer.latentChannels) latent channels (word_embed.weight), "
          + "the VQ-VAE has \(tokenizer.latentChannels) (quantize.embedding.weight): "
          + "they are not a pair")
    }
    if transformer.patchNumbers != tokenizer.patchNumbers {
      throw .inconsistent(
        "the transformer's patch_nums \(transformer.patchNumbers) differ from the VQ-VAE's "
          + "\(tokenizer.patchNumbers)")
    }
  }
}

extension TransformerConfiguration {
  fileprivate func validate() throws(ConfigurationError) {
    try check("depth", depth, in: 1...256)
    try check("width", width, in: 1...65_536)
    try check("heads", heads, in: 1...1024)
    if width % heads != 0 {
      throw .inconsistent("width \(width) is not divisible by heads \(heads)")
    }
    try check("hidden width", hiddenWidth, in: 1...1_048_576)
    try check("vocabulary", vocabulary, in: 2...1_048_576)
    try check("latent channels", latentChannels, in: 1...4096)
    try check("classes", classes, in: 1...1_048_576)
    try validatePatchNumbers(patchNumbers)
  }
}

extension TokenizerConfiguration {
  fileprivate func validate() throws(ConfigurationError) {
    try check("channels", channels, in: 32...4096)
    if channels % 32 != 0 {
      throw .inconsistent("channels \(channels) are not a multiple of GroupNorm's 32 groups")
    }
    try check("resolution levels", multipliers.count, in: 1...8)
    for multiplier in multipliers { try check("channel multiplier", multiplier, in: 1...64) }
    try check("residual blocks", residualBlocks, in: 1...64)
    try check("vocabulary", vocabulary, in: 2...1_048_576)
    try check("latent channels", latentChannels, in: 1...4096)
    if case .partiallyShared(let count) = phi { try check("phi convolutions", count, in: 1...256) }
    if !(phiRatio.isFinite && abs(phiRatio) <= 1) {
      throw .inconsistent("the phi ratio (quant_resi) is \(phiRatio), but must be within [-1, 1]")
    }
    try validatePatchNumbers(patchNumbers)
  }
}

private func validatePatchNumbers(_ sides: [Int]) throws(ConfigurationError) {
  try check("number of scales", sides.count, in: 1...64)
  for side in sides { try check("patch number", side, in: 1...256) }
  for (coarse, fine) in zip(sides, sides.dropFirst()) where fine <= coarse {
    throw .inconsistent("patch_nums \(sides) do not grow from scale to scale")
  }
}

private func check(_ name: String, _ value: Int, in range: ClosedRange<Int>)
  throws(ConfigurationError)
{
  guard range.contains(value) else {
    throw .outOfRange(
      name: name, value: value, allowed: "\(range.lowerBound) to \(range.upperBound)")
  }
}
