import ArgumentParser
import CommandSupport
import VARCore
import VARModel

/// Guidance, and which tokens may be drawn.
struct FilterArguments: ParsableArguments {
  @Option(
    help: """
      Strength of classifier-free guidance; 0 is none. (default: the model's own, if its file has one, \
      else 1.5)
      """)
  var cfg: Double?

  @Option(
    help:
      "Draw from this many of the most probable tokens; 0 = all. (default: 900, or all if fewer)")
  var topK: Int?

  @Option(
    help: """
      Draw from the most probable tokens that make up this probability; 0 = all. (default: 0.96)
      """)
  var topP: Double?

  @Flag(help: "Soften the choice of tokens (more_smooth): for looks, not for measurements.")
  var smooth = false

  func validate() throws {
    if let cfg, !(cfg.isFinite && (0...1000).contains(cfg)) {
      throw ValidationError("--cfg must be 0 to 1000, but is \(cfg).")
    }
    if let topK, topK < 0 {
      throw ValidationError("--top-k must be 0 (all) or more, but is \(topK).")
    }
    if let topP, !(0...1).contains(topP) {
      throw ValidationError("--top-p must be 0 (all) to 1, but is \(topP).")
    }
  }

  /// Whether any of them was given.
  var isGiven: Bool { cfg != nil || topK != nil || topP != nil || smooth }

  /// Guidance and filters; says what it had to change.
  func options(_ configuration: ModelConfiguration) -> SamplingOptions {
    let official = SamplingOptions()
    let vocabulary = configuration.transformer?.vocabulary ?? 1
    if let topK, topK > vocabulary {
      Console.note(
        "note: --top-k \(topK) is more than the \(vocabulary) tokens there are; all are kept")
    }
    if let guidance = configuration.guidance, cfg == nil {
      Console.note("guidance \(guidance), the model's own default")
    }
    return SamplingOptions(
      guidance: cfg ?? SamplingOptions.guidance(of: configuration),
      topK: min(topK ?? official.topK, vocabulary),
      topP: topP ?? official.topP, smooth: smooth)
  }
}
