internal import TensorBytes
package import VAR
package import VARCompute
package import VARCore
package import VARModel

/// Which pictures a sample set has, in which order, and how they are drawn: everything that decides
/// the bytes of a set.
///
/// Picture i depends on the plan and on i alone. The set is made of rounds, in each of which every class
/// comes once, in an order of its own: any 2C − 1 consecutive pictures of C classes hold all of them, and
/// so does every split of 5,000 by which the Inception Score of 1,000 classes is taken.
package struct SamplePlan: Codable, Equatable, Sendable {
  /// The pictures of one set; more would be a slip of the keyboard.
  package static let limit = 1_000_000
  /// Files of one set.
  package static let shardLimit = 10_000

  /// What the file is.
  package var format = Self.formatName
  /// The program's version: another may draw other pixels.
  package var version = Version.current
  /// SHA-256 of the model's configuration and weights, in hexadecimal.
  package let model: String
  /// Pixels of a picture's side.
  package let imageSide: Int
  /// The classes, ascending, as `--classes` would say them: `0-999`.
  package let classes: String
  /// Pictures of each class.
  package let perClass: Int
  /// The set's seed.
  package let seed: UInt64
  /// The seed of picture 0; those of the others count on from it.
  ///
  /// PyTorch's generator for CPUs takes 32 bits: the seeds of sets are spread over half of them, S · φ,
  /// so that sets of neighbouring seeds share no picture's random numbers.
  package let firstSeed: UInt64
  /// Whose random numbers they are.
  package let seedDevice: SeedDevice
  /// Strength of guidance.
  package let cfg: Double
  /// Top-k, 0 for all.
  package let topK: Int
  /// Top-p, 0 for all.
  package let topP: Double
  /// Whether the choice of tokens is softened.
  package let smooth: Bool
  /// The arithmetic.
  package let compute: String
  /// The instruction set: others may differ in the last bit of a pixel.
  package let cpuLevel: String
  /// Files that the set is cut into.
  package let shards: Int

  private enum CodingKeys: String, CodingKey {
    case format
    case version
    case model
    case imageSide = "image_side"
    case classes
    case perClass = "per_class"
    case seed
    case firstSeed = "first_seed"
    case seedDevice = "seed_device"
    case cfg
    case topK = "top_k"
    case topP = "top_p"
    case smooth
    case compute
    case cpuLevel = "cpu_level"
    case shards
  }

  static let formatName = "var-samples/1"

  /// Plans a set.
  /// - Parameters:
  ///   - classes: ids, each once.
  ///   - compute: the arithmetic and the instruction set.
  /// - Throws: ``SampleSetError`` for more pictures or shards than a set may have.
  package init(
    _ model: Model, classes: [Int], perClass: Int, seed: UInt64, seedDevice: SeedDevice,
    options: SamplingOptions, mode: ComputeMode, level: CPULevel, shards: Int
  ) throws(SampleSetError) {
    self.model = model.weightsChecksumText
    imageSide = model.configuration.tokenizer?.imageSide ?? 0
    self.classes = IDRanges.text(classes)
    self.perClass = perClass
    self.seed = seed
    firstSeed = Self.firstSeed(seed)
    self.seedDevice = seedDevice
    cfg = options.guidance
    topK = options.topK
    topP = options.topP
    smooth = options.smooth
    compute = mode.rawValue
    cpuLevel = level.rawValue
    self.shards = shards
    try check()
  }

  /// Refuses what no plan of ours says.
  func check() throws(SampleSetError) {
    guard format == Self.formatName else { throw .plan("the format is \"\(format)\"") }
    guard let ids = IDRanges.ids(classes, limit: Self.limit), !ids.isEmpty else {
      throw .plan("the classes are \"\(classes.prefix(80))\"")
    }
    guard perClass > 0, perClass <= Self.limit / ids.count else {
      throw .tooMany(pictures: ids.count.multipliedReportingOverflow(by: perClass).partialValue)
    }
    guard imageSide > 0, imageSide <= 1 << 16 else { throw .plan("the side is \(imageSide)") }
    guard (1...min(Self.shardLimit, ids.count * perClass)).contains(shards) else {
      throw .shards(shards, limit: min(Self.shardLimit, ids.count * perClass))
    }
    guard firstSeed == Self.firstSeed(seed) else { throw .plan("first_seed is \(firstSeed)") }
    guard cfg.isFinite, topK >= 0, (0...1).contains(topP) else { throw .plan("its options") }
  }

  /// The classes.
  package var classIDs: [Int] { IDRanges.ids(classes, limit: Self.limit) ?? [] }

  /// Pictures of the set.
  package var count: Int { classIDs.count * perClass }

  /// The pictures of a shard.
  package func range(of shard: Int) -> Range<Int> {
    count * shard / shards..<count * (shard + 1) / shards
  }

  private static func firstSeed(_ seed: UInt64) -> UInt64 {
    (seed &* 0x9E37_79B9_7F4A_7C15) >> 33
  }

  /// The classes of some pictures.
  package func labels(of range: Range<Int>) -> [Int] {
    let classes = classIDs
    var round = -1
    var order = classes
    return range.map { index in
      if index / classes.count != round {
        round = index / classes.count
        order = Self.shuffled(classes, seed: seed, round: UInt64(round))
      }
      return order[index % classes.count]
    }
  }

  /// Fisher and Yates' shuffle by SplitMix64, which starts at the seed and the round.
  private static func shuffled(_ classes: [Int], seed: UInt64, round: UInt64) -> [Int] {
    var random = SplitMix64(state: SplitMix64(state: seed).first ^ round)
    var classes = classes
    for last in stride(from: classes.count - 1, to: 0, by: -1) {
      classes.swapAt(last, random.below(last + 1))
    }
    return classes
  }

  /// What draws some pictures.
  package func generation(of range: Range<Int>, _ configuration: ModelConfiguration)
    -> GenerationPlan
  {
    GenerationPlan(
      choices: labels(of: range).map { .label(.id($0)) },
      classes: configuration.transformer?.classes ?? 0,
      seed: firstSeed + UInt64(range.lowerBound), seedMode: .image, seedDevice: seedDevice,
      options: SamplingOptions(guidance: cfg, topK: topK, topP: topP, smooth: smooth))
  }
}

/// Lists of ids such as `0-9,12`.
enum IDRanges {
  /// Ids in ascending order, runs as ranges.
  static func text(_ ids: [Int]) -> String {
    var runs: [ClosedRange<Int>] = []
    for id in ids.sorted() {
      if let last = runs.last, last.upperBound + 1 == id {
        runs[runs.count - 1] = last.lowerBound...id
      } else {
        runs.append(id...id)
      }
    }
    return runs.map {
      $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)"
    }.joined(separator: ",")
  }

  /// The ids of a list that ascends; nil for anything else.
  static func ids(_ text: String, limit: Int) -> [Int]? {
    var ids: [Int] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let ends = part.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
      guard (1...2).contains(ends.count), let first = ends[0], let last = ends[ends.count - 1],
        first >= 0, first <= last, last < limit, first > ids.last ?? -1
      else { return nil }
      ids += first...last
    }
    return ids
  }
}
