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
  private let survey: Survey
  private let overrides: [FormatOverride]
  /// Bytes of each group in each format.
  private let bytes: [[Int]]
  /// The groups that the model has.
  private let groups: [Int]

  /// Prepares a search.
  /// - Parameters:
  ///   - overrides: formats for tensors by name, which hold whatever is found.
  package init(
    _ model: SourceModel, _ survey: Survey, _ table: SensitivityTable,
    overrides: [FormatOverride] = []
  ) throws {
    self.table = table
    self.model = model
    self.survey = survey
    self.overrides = overrides
    var bytes = WeightGroup.all.map { _ in table.formats.map { _ in 0 } }
    for binding in model.bindings {
      guard let group = WeightGroup.index(of: binding.specification) else { continue }
      for (index, format) in table.formats.enumerated() {
        let shape = binding.specification.storedShape
        // As a recipe does where the shape does not suit.
        let stored = format.suits(shape: shape) ? format : .f16
        bytes[group][index] += stored.byteCount(shape: shape)
      }
    }
    self.bytes = bytes
    groups = bytes.indices.filter { bytes[$0].contains { $0 > 0 } }
    for group in groups where table.costs[group].count != table.formats.count {
      throw SensitivityError.groupMissing(WeightGroup.all[group].name)
    }
  }

  /// The best recipe for a goal.
  /// - Throws: ``SensitivityError`` where no recipe reaches it.
  package func best(for goal: Goal) throws -> Candidate {
    let fixed = try fixedBytes()
    switch goal {
    case .size(let size):
      var room = size - fixed
      // A tensor that had to keep another format than wanted makes the file larger than expected.
      while let found = search(costLimit: .infinity, byteLimit: room) {
        let candidate = try candidate(found)
        if candidate.fileSize <= size { return try refined(candidate, found, size) }
        room -= candidate.fileSize - size
      }
      throw SensitivityError.sizeOutOfReach(wanted: size, smallest: try smallest().fileSize)
    case .divergence(let limit):
      guard let found = search(costLimit: limit, byteLimit: .max) else {
        throw SensitivityError.divergenceOutOfReach(
          wanted: limit, least: try candidate(groups.map { _ in 0 }).divergence)
      }
      return try candidate(found)
    }
  }

  /// The best file for each of some sizes, from the finest formats to the coarsest.
  package func frontier() throws -> [Candidate] {
    let finest = try candidate(groups.map { _ in 0 })
    let coarsest = try smallest()
    var points: [Candidate] = []
    let steps = 24
    for step in 0...steps {
      let size =
        finest.fileSize - (finest.fileSize - coarsest.fileSize) * step / steps
      let point = step == 0 ? finest : step == steps ? coarsest : try best(for: .size(size))
      if points.last?.fileSize != point.fileSize { points.append(point) }
    }
    return points
  }

  /// Makes groups finer while the file stays within a size. The search counts bytes without the
  /// padding between tensors, which depends on what stands before each: a little room may be left.
  private func refined(_ candidate: Candidate, _ choice: [Int], _ size: Int) throws -> Candidate {
    var (best, choice) = (candidate, choice)
    while true {
      var gain: (cost: Double, candidate: Candidate, choice: [Int])?
      for index in choice.indices where choice[index] > 0 {
        var finer = choice
        finer[index] -= 1
        let other = try self.candidate(finer)
        guard other.fileSize <= size, other.cost < gain?.cost ?? best.cost else { continue }
        gain = (other.cost, other, finer)
      }
      guard let gain else { return best }
      (best, choice) = (gain.candidate, gain.choice)
    }
  }

  private func smallest() throws -> Candidate {
    try candidate(groups.map { _ in table.formats.count - 1 })
  }

  /// Bytes of the file that no choice changes.
  private func fixedBytes() throws -> Int {
    let finest = groups.map { _ in 0 }
    return try candidate(finest).fileSize - groups.reduce(0) { $0 + bytes[$1][0] }
  }

  private func candidate(_ choice: [Int]) throws -> Candidate {
    let rules = try zip(groups, choice).map { group, format in
      try FormatOverride(pattern: WeightGroup.all[group].pattern, format: table.formats[format])
    }
    let recipe = ConversionRecipe(
      name: "chosen", rules: rules, otherwise: .q8, overrides: overrides)
    var divergence = 0.0
    var pictureError = 0.0
    for (group, format) in zip(groups, choice) {
      let cost = table.costs[group][format].value
      if WeightGroup.all[group].isTokenizer { pictureError += cost } else { divergence += cost }
    }
    return Candidate(
      recipe: recipe, fileSize: try ConversionPlan(model, survey, recipe).fileSize(),
      divergence: divergence, pictureError: pictureError)
  }

  /// The formats of ``groups`` of least cost within `byteLimit`, or with a limit of the costs, of the
  /// fewest bytes; nil if there are none.
  private func search(costLimit: Double, byteLimit: Int) -> [Int]? {
    // All combinations of the transformer's groups, then of the VQ-VAE's: two limits on the costs.
    var best: (rank: Double, choice: [Int])?
    var choice = [Int](repeating: 0, count: groups.count)
    let isMinimizingBytes = costLimit < .infinity
    func visit(_ depth: Int, _ size: Int, _ divergence: Double, _ picture: Double) {
      guard size <= byteLimit, divergence <= costLimit, picture <= costLimit else { return }
      let cost = divergence + picture
      if !isMinimizingBytes, let best, cost >= best.rank { return }
      if isMinimizingBytes, let best, Double(size) > best.rank { return }
      guard depth < groups.count else {
        let rank = isMinimizingBytes ? Double(size) : cost
        // Of as small files, the better one.
        if let best, rank >= best.rank { return }
        best = (rank, choice)
        return
      }
      let group = groups[depth]
      let isTokenizer = WeightGroup.all[group].isTokenizer
      for format in table.formats.indices {
        choice[depth] = format
        let cost = table.costs[group][format].value
        visit(
          depth + 1, size + bytes[group][format], divergence + (isTokenizer ? 0 : cost),
          picture + (isTokenizer ? Self.pictureWeight * cost : 0))
      }
    }
    visit(0, 0, 0, 0)
    return best?.choice
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
