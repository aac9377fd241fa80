internal import Platform
internal import VARModel
internal import VARQuant

/// Finds the formats of a model's groups by a table of what each costs: the best file of a size, or
/// the smallest of a quality.
///
/// There are few groups and formats: all combinations are tried, so that none is better.
package struct RecipeSearch: Sendable {
  /// A recipe with what is expected of it.
  package struct Candidate: Sendable {
    /// The formats.
    package let recipe: ConversionRecipe
    /// The file's size in bytes.
    package let fileSize: Int
    /// Mean KL divergence in nats a token, by the table.
    package let divergence: Double
    /// Mean squared error of pictures with values of [0, 1], by the table.
    package let pictureError: Double

    /// What is made least: both losses, weighed.
    package var cost: Double { divergence + RecipeSearch.pictureWeight * pictureError }
    /// The picture error as PSNR in dB.
    package var pictureRatio: Double { -10 * log10(max(pictureError, 1e-12)) }
  }

  /// What is wanted.
  package enum Goal: Equatable, Sendable {
    /// The least loss in a file of at most so many bytes.
    case size(Int)
    /// The smallest file of at most this mean KL divergence in nats.
    case divergence(Double)
  }

  /// Nats of KL divergence that weigh as much as a mean squared error of 1 in the pictures: the rate
  /// at which the mixes of ``ConversionRecipe/types`` trade one for the other.
  package static let pictureWeight = 300.0

  /// The costs.
  package let table: SensitivityTable
  private let model: SourceModel
  private let overrides: [FormatOverride]
  /// A plan for each format of the table, in which all groups have it, as far as they can.
  private let uniform: [ConversionPlan]
  /// The group of each tensor, as an index in ``groups``.
  private let memberships: [Int?]
  /// The groups that the model has, of ``WeightGroup/all``.
  private let groups: [Int]
  /// Formats of the groups of each half that no others beat in both size and loss.
  private let transformer: [Choice]
  private let tokenizer: [Choice]

  /// A format for some groups, by their place in ``groups``.
  private struct Choice {
    var formats: [Int: Int]
    /// Bytes of the groups' weights.
    var bytes: Int
    var cost: Double
  }

  /// Prepares a search.
  /// - Parameters:
  ///   - overrides: formats for tensors by name, which hold whatever is found.
  package init(
    _ model: SourceModel, _ survey: Survey, _ table: SensitivityTable,
    overrides: [FormatOverride] = []
  ) throws {
    self.table = table
    self.model = model
    self.overrides = overrides
    let uniform = try table.formats.map { format in
      try ConversionPlan(model, survey, ConversionRecipe(format, overrides: overrides))
    }
    let indices = model.bindings.map { WeightGroup.index(of: $0.specification) }
    let groups = WeightGroup.all.indices.filter { indices.contains($0) }
    for group in groups where table.costs[group].count != table.formats.count {
      throw SensitivityError.groupMissing(WeightGroup.all[group].name)
    }
    let memberships = indices.map { index in index.flatMap { groups.firstIndex(of: $0) } }
    func choices(_ isWanted: (WeightGroup) -> Bool, _ weight: Double) -> [Choice] {
      groups.enumerated().filter { isWanted(WeightGroup.all[$0.element]) }
        .reduce([Choice(formats: [:], bytes: 0, cost: 0)]) { so, entry in
          let own = table.formats.indices.map { format in
            let bytes = zip(memberships, uniform[format].tensors).reduce(0) {
              $0 + ($1.0 == entry.offset ? $1.1.targetByteCount : 0)
            }
            return Choice(
              formats: [entry.offset: format], bytes: bytes,
              cost: weight * table.costs[entry.element][format].value)
          }
          return Self.best(so, own)
        }
    }
    transformer = choices({ !$0.isTokenizer }, 1)
    tokenizer = choices({ $0.isTokenizer }, Self.pictureWeight)
    self.uniform = uniform
    self.groups = groups
    self.memberships = memberships
  }

  /// All pairs of two lists that no other pair beats in both size and loss, the smallest first.
  private static func best(_ a: [Choice], _ b: [Choice]) -> [Choice] {
    var pairs = a.flatMap { a in
      b.map { b in
        Choice(
          formats: a.formats.merging(b.formats) { $1 }, bytes: a.bytes + b.bytes,
          cost: a.cost + b.cost)
      }
    }
    pairs.sort { ($0.bytes, $0.cost) < ($1.bytes, $1.cost) }
    var least = Double.infinity
    return pairs.filter { pair in
      defer { least = min(least, pair.cost) }
      return pair.cost < least
    }
  }

  /// The best recipe for a goal.
  /// - Throws: ``SensitivityError`` where no recipe reaches it.
  package func best(for goal: Goal) throws -> Candidate {
    switch goal {
    case .size(let size):
      // Ordered by the groups' bytes, which padding between tensors can outweigh by a little.
      for choice in Self.best(transformer, tokenizer).reversed() {
        let candidate = try candidate(choice)
        if candidate.fileSize <= size { return try refined(candidate, choice, size) }
      }
      throw SensitivityError.sizeOutOfReach(
        wanted: size, smallest: try smallest().fileSize)
    case .divergence(let limit):
      guard let predictions = transformer.first(where: { $0.cost <= limit }),
        let pictures = tokenizer.first(where: { $0.cost <= limit })
      else {
        throw SensitivityError.divergenceOutOfReach(wanted: limit, least: try finest().divergence)
      }
      return try candidate(Self.best([predictions], [pictures])[0])
    }
  }

  /// Recipes that no other beats, some two dozen from the largest to the smallest file.
  package func frontier() throws -> [Candidate] {
    let choices = Self.best(transformer, tokenizer)
    let (least, most) = (choices[0].bytes, choices[choices.count - 1].bytes)
    let steps = 24
    var points: [Candidate] = []
    for step in 0...steps {
      let limit = most - (most - least) * step / steps
      guard let choice = choices.last(where: { $0.bytes <= limit }) else { continue }
      let candidate = try candidate(choice)
      if points.last.map({ candidate.fileSize < $0.fileSize }) ?? true { points.append(candidate) }
    }
    return points
  }

  private func smallest() throws -> Candidate {
    try candidate(Self.best(transformer, tokenizer)[0])
  }

  private func finest() throws -> Candidate {
    let formats = Dictionary(uniqueKeysWithValues: groups.indices.map { ($0, 0) })
    return try candidate(Choice(formats: formats, bytes: 0, cost: 0))
  }

  /// Makes groups finer while the file stays within a size: padding may have left a little room.
  private func refined(_ candidate: Candidate, _ choice: Choice, _ size: Int) throws -> Candidate {
    var (best, choice) = (candidate, choice)
    while true {
      var gain: (candidate: Candidate, choice: Choice)?
      for (group, format) in choice.formats where format > 0 {
        var finer = choice
        finer.formats[group] = format - 1
        let other = try self.candidate(finer)
        guard other.fileSize <= size, other.cost < gain?.candidate.cost ?? best.cost else {
          continue
        }
        gain = (other, finer)
      }
      guard let gain else { return best }
      (best, choice) = gain
    }
  }

  private func candidate(_ choice: Choice) throws -> Candidate {
    var rules: [FormatOverride] = []
    var divergence = 0.0
    var pictureError = 0.0
    for (place, group) in groups.enumerated() {
      let format = choice.formats[place] ?? 0
      let kind = WeightGroup.all[group]
      rules.append(FormatOverride(ours: kind.pattern, format: table.formats[format]))
      let cost = table.costs[group][format].value
      if kind.isTokenizer { pictureError += cost } else { divergence += cost }
    }
    let recipe = ConversionRecipe(
      name: "chosen", rules: rules, otherwise: .q8, overrides: overrides)
    let tensors = memberships.enumerated().map { index, place in
      uniform[place.flatMap { choice.formats[$0] } ?? 0].tensors[index]
    }
    return Candidate(
      recipe: recipe, fileSize: try ConversionPlan(model, recipe, tensors).fileSize(),
      divergence: divergence, pictureError: pictureError)
  }
}

/// Why no recipe can be found.
package enum SensitivityError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The smallest file is larger than wanted.
  case sizeOutOfReach(wanted: Int, smallest: Int)
  /// The best file loses more than wanted.
  case divergenceOutOfReach(wanted: Double, least: Double)
  /// The table says nothing about a group that the model has.
  case groupMissing(String)
  /// A file is no table.
  case text(String, String)

  /// The message for the user.
  package var description: String {
    switch self {
    case .sizeOutOfReach(let wanted, let smallest):
      "no recipe makes a file of \(wanted) bytes: the smallest has \(smallest)"
    case .divergenceOutOfReach(let wanted, let least):
      "no recipe has a KL divergence of at most \(wanted): the table's finest formats have \(least)"
    case .groupMissing(let name):
      "the sensitivity table lacks the group \(name), which the model has"
    case .text(let path, let message): "\(path): \(message)"
    }
  }
}
