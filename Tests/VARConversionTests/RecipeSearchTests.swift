import Foundation
import TestSupport
import Testing
import VARConversion
import VARQuant

/// Recipes by size or loss.
@Suite struct RecipeSearchTests {
  private let model: SourceModel
  private let survey: Survey

  init() throws {
    let folder = Repository.file("models/fashion-var")
    model = try SourceModel.open(transformer: folder + "/var.pth", tokenizer: folder + "/vae.pth")
    survey = try Survey(model, hashing: false)
  }

  private func search(_ overrides: [String] = []) throws -> RecipeSearch {
    try RecipeSearch(
      model, survey, .study(calibrated: true),
      overrides: overrides.map { try FormatOverride($0) })
  }

  private func types(_ candidate: RecipeSearch.Candidate) -> [TensorFormat] {
    candidate.recipe.rules.map(\.format)
  }

  /// No change of one group's format makes it better within the size, and the size is the file's.
  @Test(arguments: [3_700_000, 2_800_000, 2_200_000, 1_900_000])
  func theBestOfASize(size: Int) throws {
    let best = try search().best(for: .size(size))
    #expect(best.fileSize <= size)
    #expect(try ConversionPlan(model, survey, best.recipe).fileSize() == best.fileSize)
    let table = SensitivityTable.study(calibrated: true)
    for (group, format) in types(best).enumerated() {
      let index = try #require(table.formats.firstIndex(of: format))
      guard index > 0 else { continue }
      var rules = best.recipe.rules
      rules[group] = try FormatOverride(
        pattern: rules[group].pattern, format: table.formats[index - 1])
      let finer = ConversionRecipe(name: "finer", rules: rules, otherwise: .q8)
      let bytes = try ConversionPlan(model, survey, finer).fileSize()
      let isBetter = table.costs[group][index - 1].value < table.costs[group][index].value
      #expect(bytes > size || !isBetter, "\(rules[group].text) would fit")
    }
  }

  /// A smaller file loses more, and the smallest file for a loss is no larger than one for less.
  @Test func sizeAndLossTradeOff() throws {
    let sizes = [3_400_000, 3_000_000, 2_600_000, 2_200_000, 2_000_000]
    let bySize = try sizes.map { try search().best(for: .size($0)) }
    for (larger, smaller) in zip(bySize, bySize.dropFirst()) {
      #expect(smaller.fileSize < larger.fileSize)
      #expect(smaller.cost >= larger.cost)
    }
    let byLoss = try [1e-4, 5e-4, 2e-3, 5e-3].map { try search().best(for: .divergence($0)) }
    for (candidate, limit) in zip(byLoss, [1e-4, 5e-4, 2e-3, 5e-3]) {
      #expect(candidate.divergence <= limit)
    }
    for (finer, coarser) in zip(byLoss, byLoss.dropFirst()) {
      #expect(coarser.fileSize < finer.fileSize)
    }
  }

  /// What a tensor must be, it is, whatever is found for the others.
  @Test func overridesHold() throws {
    let best = try search(["var\\.head\\.weight=f32"]).best(for: .size(2_600_000))
    let plan = try ConversionPlan(model, survey, best.recipe)
    #expect(plan.tensors.first { $0.name == "var.head.weight" }?.type == "f32")
    #expect(best.fileSize <= 2_600_000)
  }

  @Test func whatIsOutOfReachIsRefused() throws {
    #expect(throws: SensitivityError.self) { try search().best(for: .size(1_000_000)) }
    #expect(throws: SensitivityError.self) { try search().best(for: .divergence(1e-9)) }
  }

  /// The table's sums are near what mixes were measured to lose (`make quality`).
  @Test(arguments: [("mix5", 4.4e-4), ("mix4.5", 1.38e-3), ("mix4.25", 1.92e-3)])
  func costsAddUp(mix: String, measured: Double) throws {
    let recipe = try ConversionRecipe(type: mix)
    let plan = try ConversionPlan(model, survey, recipe)
    let table = SensitivityTable.study(calibrated: true)
    var sum = 0.0
    for (group, costs) in zip(WeightGroup.all, table.costs) where !group.isTokenizer {
      let regex = try Regex(group.pattern)
      let tensor = try #require(
        plan.tensors.first { (try? regex.firstMatch(in: $0.name)) != nil })
      let format = try #require(table.formats.firstIndex { $0.name == tensor.type })
      sum += costs[format].value
    }
    // adaLN's costs are those of models whose embeddings span all channels.
    #expect((0.85..<1.5).contains(sum / measured), "\(sum)")
  }

  @Test func frontierGoesDown() throws {
    let frontier = try search().frontier()
    #expect(frontier.count > 10)
    for (larger, smaller) in zip(frontier, frontier.dropFirst()) {
      #expect(smaller.fileSize < larger.fileSize)
      #expect(smaller.cost >= larger.cost)
    }
    #expect(types(try #require(frontier.last)).allSatisfy { $0 == .q3 })
  }
}

/// Tables as text.
@Suite struct SensitivityTableTests {
  private func read(_ text: String) throws -> SensitivityTable {
    let folder = try TemporaryFolder()
    return try SensitivityTable(contentsOf: folder.write([UInt8](text.utf8), to: "table.json"))
  }

  @Test(arguments: [true, false]) func writtenIsRead(isCalibrated: Bool) throws {
    let table = SensitivityTable.study(calibrated: isCalibrated)
    let text = String(decoding: try JSONEncoder().encode(table), as: UTF8.self)
    #expect(try read(text) == table)
    #expect(try read("{\"frontier\": [], \"table\": \(text)}") == table)
  }

  @Test(arguments: [
    ("[]", "no object"), ("{}", "version 1"), ("{\"sensitivity\": 2}", "version 1"),
    (group("\"name\": \"qkw\", \"costs\": []"), "qkw"),
    (group("\"name\": \"qkv\", \"costs\": [{\"type\": \"q7\", \"value\": 1, \"se\": 0}]"), "q7"),
    (
      group("\"name\": \"qkv\", \"costs\": [{\"type\": \"q8\", \"value\": -1, \"se\": 0}]"),
      "below 0"
    ),
    (
      group("\"name\": \"qkv\", \"costs\": [{\"type\": \"q8\", \"value\": \"1\", \"se\": 0}]"),
      "value"
    ),
    (group("\"name\": \"qkv\", \"costs\": []"), "other types"),
    ("{\"sensitivity\": 1, \"groups\": [}", "byte"),
  ])
  func otherTextIsRefused(text: String, word: String) throws {
    let error = #expect(throws: SensitivityError.self) { try read(text) }
    #expect(error?.description.contains(word) == true, "\(String(describing: error))")
  }

  private static func group(_ members: String) -> String {
    "{\"sensitivity\": 1, \"model\": \"m\", \"images\": 1, \"calibrated\": true, "
      + "\"groups\": [{\(members)}]}"
  }

  @Test func aMissingGroupIsNamed() throws {
    let source = Repository.fixture("models/per-block/")
    let model = try SourceModel.open(others: [source + "var.pth", source + "vae.pth"])
    let table = SensitivityTable.study(calibrated: true)
    let partial = SensitivityTable(
      model: "m", images: 1, isCalibrated: true, formats: table.formats,
      costs: [[]] + table.costs.dropFirst())
    #expect(throws: SensitivityError.groupMissing("qkv")) {
      _ = try RecipeSearch(model, Survey(model, hashing: false), partial)
    }
  }
}
