import VARCore
import VARModel

/// Which images a run makes, with which random numbers.
struct GenerationPlan {
  /// One image of the run.
  struct Image {
    /// Its place in the run, from 0.
    let index: Int
    /// What was asked for.
    let choice: ClassChoice
    /// The class that it became; nil for the unconditional one.
    let label: Int?
    /// The seed of its generator, which it shares with all others in batch mode.
    let seed: UInt64
  }

  let images: [Image]
  let seedMode: SeedMode
  let options: SamplingOptions
  /// Each image's generator, or the one for all, past the draws of the classes.
  private let sources: [RandomSource]

  /// Draws the classes that were left to chance.
  ///
  /// In image mode each image draws its own, like an official batch of one; in batch mode all are
  /// drawn together before anything else, like an official batch without labels.
  init(
    choices: [ClassChoice], classes: Int, seed: UInt64, seedMode: SeedMode,
    options: SamplingOptions
  ) {
    self.seedMode = seedMode
    self.options = options
    switch seedMode {
    case .image:
      var sources = choices.indices.map { RandomSource(seed: seed &+ UInt64($0)) }
      images = choices.enumerated().map { index, choice in
        let drawn = choice == .random ? sources[index].drawLabels(1, classes: classes).first : nil
        return Image(
          index: index, choice: choice, label: choice.label ?? drawn,
          seed: seed &+ UInt64(index))
      }
      self.sources = sources
    case .batch:
      var source = RandomSource(seed: seed)
      var drawn = source.drawLabels(choices.count { $0 == .random }, classes: classes)[...]
      images = choices.enumerated().map { index, choice in
        let label = choice == .random ? drawn.popFirst() : choice.label
        return Image(index: index, choice: choice, label: label, seed: seed)
      }
      sources = [source]
    }
  }

  /// Repeats what a picture's record says; the picture is the image at its index.
  init(_ record: PictureRecord, _ configuration: ModelConfiguration) throws {
    let list = ClassList(classes: configuration.transformer?.classes ?? 0, names: [])
    self.init(
      choices: try record.classes.flatMap(list.parse),
      classes: configuration.transformer?.classes ?? 0, seed: record.seed,
      seedMode: record.seedMode,
      options: SamplingOptions(
        guidance: record.cfg, topK: record.topK, topP: record.topP, smooth: record.smooth))
  }

  /// The request for a part of the run: of any size in image mode, for all images in batch mode.
  func request(_ range: Range<Int>, edit: Edit?) -> GenerationRequest {
    GenerationRequest(
      labels: images[range].map(\.label), options: options,
      random: seedMode == .batch ? .batch(sources[0]) : .image(Array(sources[range])), edit: edit)
  }
}

extension ClassChoice {
  /// The class, if it is a fixed one.
  fileprivate var label: Int? {
    if case .label(let label) = self { label } else { nil }
  }
}
