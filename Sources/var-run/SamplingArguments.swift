import ArgumentParser
import CommandSupport
import VAR
import VARCore
import VARModel

/// How tokens are drawn.
struct SamplingArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      """
      Seed of the random numbers; as in PyTorch, -1 (--seed=-1) is 2^64 - 1 and so on. (default: \
      random, and printed)
      """, valueName: "seed"), transform: Self.seed)
  var seed: UInt64?

  @Option(
    help: """
      image: image i has random numbers of its own, seeded seed + i. batch: one generator for all, \
      like the official code. (default: image)
      """)
  var seedMode: SeedMode?

  @Option(
    help: ArgumentHelp(
      """
      Whose random numbers the seed stands for: cpu, PyTorch's on a CPU; cuda:CARD, PyTorch's on a GPU, \
      where CARD is \(CUDADevice.named.map(\.0).joined(separator: ", ")), or multiprocessors×threads \
      of each, such as 108x2048. (default: cpu)
      """, valueName: "device"), transform: Self.device)
  var seedDevice: SeedDevice?

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

  /// Negative seeds count from 2^64, as in `torch.manual_seed`.
  private static func seed(_ text: String) throws -> UInt64 {
    guard let seed = UInt64(text) ?? Int64(text).map(UInt64.init(bitPattern:)) else {
      throw ValidationError("a seed is a whole number from -2^63 to 2^64 - 1")
    }
    return seed
  }

  private static func device(_ text: String) throws -> SeedDevice {
    guard let device = SeedDevice(text) else {
      throw ValidationError(
        "a device is cpu, cuda:\(CUDADevice.named.map(\.0).joined(separator: ", cuda:")), or cuda: "
          + "with multiprocessors (1 to 4096) and threads of each (256 to 65536), such as "
          + "cuda:108x2048")
    }
    return device
  }

  /// Whether any of them was given.
  var isGiven: Bool {
    seed != nil || seedMode != nil || seedDevice != nil || cfg != nil || topK != nil || topP != nil
      || smooth
  }

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

  /// The images of a run with these options.
  func plan(_ choices: [ClassChoice], _ configuration: ModelConfiguration) -> GenerationPlan {
    GenerationPlan(
      choices: choices, classes: configuration.transformer?.classes ?? 0,
      seed: seed ?? UInt64(UInt32.random(in: 0...UInt32.max)), seedMode: seedMode ?? .image,
      seedDevice: seedDevice ?? .cpu, options: options(configuration))
  }
}

extension SeedMode: ExpressibleByArgument {}
