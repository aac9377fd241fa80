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

  @OptionGroup var filters: FilterArguments

  /// Negative seeds count from 2^64, as in `torch.manual_seed`.
  static func seed(_ text: String) throws -> UInt64 {
    guard let seed = UInt64(text) ?? Int64(text).map(UInt64.init(bitPattern:)) else {
      throw ValidationError("a seed is a whole number from -2^63 to 2^64 - 1")
    }
    return seed
  }

  static func device(_ text: String) throws -> SeedDevice {
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
    seed != nil || seedMode != nil || seedDevice != nil || filters.isGiven
  }

  /// The images of a run with these options.
  func plan(_ choices: [ClassChoice], _ configuration: ModelConfiguration) -> GenerationPlan {
    GenerationPlan(
      choices: choices, classes: configuration.transformer?.classes ?? 0,
      seed: seed ?? UInt64(UInt32.random(in: 0...UInt32.max)), seedMode: seedMode ?? .image,
      seedDevice: seedDevice ?? .cpu, options: filters.options(configuration))
  }
}

extension SeedMode: ExpressibleByArgument {}
