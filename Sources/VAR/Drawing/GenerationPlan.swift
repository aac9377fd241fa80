package import VARCore
package import VARModel

/// Where the random numbers of a run come from.
package enum SeedMode: String, Sendable, CaseIterable, Codable {
  /// Image i has a generator of its own, seeded seed + i.
  case image
  /// One generator for all, like the official code.
  case batch
}

/// Which pictures a run draws, with which random numbers.
package struct GenerationPlan: Sendable {
  /// Pictures of one run; more would be a slip of the keyboard.
  package static let limit = 100_000

  /// One picture of the run.
  package struct Entry: Sendable {
    /// Its place in the run, from 0.
    package let index: Int
    /// What was asked for.
    package let choice: ClassChoice
    /// The class that it became.
    package let label: ClassLabel
    /// The seed of its generator, which it shares with all others in batch mode.
    package let seed: UInt64
  }

  /// The pictures, in the order in which they are drawn.
  package let entries: [Entry]
  /// Where their random numbers come from.
  package let seedMode: SeedMode
  /// Whose random numbers they are.
  package let seedDevice: SeedDevice
  /// Guidance and filters.
  package let options: SamplingOptions
  private let classes: Int
  /// Batch mode's generator, past the draws of the classes.
  private let shared: TorchGenerator?

  /// Draws the classes that were left to chance.
  ///
  /// In image mode each picture draws its own, like an official batch of one; in batch mode all are
  /// drawn together before anything else, like an official batch without labels.
  package init(
    choices: [ClassChoice], classes: Int, seed: UInt64, seedMode: SeedMode,
    seedDevice: SeedDevice, options: SamplingOptions
  ) {
    self.seedMode = seedMode
    self.seedDevice = seedDevice
    self.options = options
    self.classes = classes
    switch seedMode {
    case .image:
      shared = nil
      entries = choices.enumerated().map { index, choice in
        let seed = seed &+ UInt64(index)
        return Entry(
          index: index, choice: choice,
          label: Self.source(seed: seed, on: seedDevice, choice, classes: classes).label,
          seed: seed)
      }
    case .batch:
      var source = TorchGenerator(seed: seed, on: seedDevice)
      var drawn = source.drawLabels(choices.count { $0 == .random }, classes: classes)[...]
      entries = choices.enumerated().map { index, choice in
        let label: ClassLabel =
          switch choice {
          case .label(let label): label
          case .random: drawn.popFirst().map { .id($0) } ?? .unconditional
          }
        return Entry(index: index, choice: choice, label: label, seed: seed)
      }
      shared = source
    }
  }

  /// The generator of a picture of its own, past the draw of its class, and that class.
  private static func source(
    seed: UInt64, on device: SeedDevice, _ choice: ClassChoice, classes: Int
  ) -> (source: TorchGenerator, label: ClassLabel) {
    var source = TorchGenerator(seed: seed, on: device)
    switch choice {
    case .label(let label): return (source, label)
    case .random:
      let drawn = source.drawLabels(1, classes: classes).first
      return (source, drawn.map { .id($0) } ?? .unconditional)
    }
  }

  /// The request for a part of the run: of any size in image mode, for all pictures in batch mode.
  ///
  /// Generators are made here, for this part alone: each holds 2.5 kB.
  func request(_ range: Range<Int>, edit: TokenEdit?) -> GenerationRequest {
    let random: RandomStreams =
      if let shared {
        .batch(shared)
      } else {
        .image(
          entries[range].map {
            Self.source(seed: $0.seed, on: seedDevice, $0.choice, classes: classes).source
          })
      }
    return GenerationRequest(
      labels: entries[range].map(\.label), options: options, random: random, edit: edit)
  }
}
