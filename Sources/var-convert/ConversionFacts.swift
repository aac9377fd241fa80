import VARConversion
import VARQuant

/// The JSON of `convert`: the plan, and after a conversion what it has cost.
struct ConversionFacts: Encodable {
  struct Tensor: Encodable {
    let name: String
    let shape: [Int]
    let source: String
    let format: String
    let bytes: Int
    let note: String?
    let sqnr: Decibels?

    enum CodingKeys: String, CodingKey {
      case name
      case shape
      case source
      case format
      case bytes
      case note
      case sqnr = "sqnr_db"
    }
  }

  /// A recipe in the form that --recipe reads.
  struct Recipe: Encodable {
    struct Rule: Encodable {
      let pattern: String
      let type: String

      init(_ rule: FormatOverride) {
        pattern = rule.pattern
        type = rule.format.name
      }
    }

    let recipe: Int
    let name: String
    let rules: [Rule]
    let otherwise: String
    let overrides: [Rule]

    init(_ recipe: ConversionRecipe) {
      self.recipe = ConversionRecipe.textVersion
      name = recipe.name
      rules = recipe.rules.map(Rule.init)
      otherwise = recipe.format.name
      overrides = recipe.overrides.map(Rule.init)
    }
  }

  let recipe: Recipe
  let fileBytes: Int
  let sourceBytes: Int
  let f32Bytes: Int
  let tensors: [Tensor]

  enum CodingKeys: String, CodingKey {
    case recipe
    case fileBytes = "file_bytes"
    case sourceBytes = "source_bytes"
    case f32Bytes = "f32_bytes"
    case tensors
  }

  /// - Parameter statistics: one a tensor, or none for a dry run.
  init(_ plan: ConversionPlan, _ statistics: [QuantizationStatistics]) throws {
    recipe = Recipe(plan.recipe)
    fileBytes = try plan.fileSize()
    sourceBytes = plan.sourceByteCount
    f32Bytes = plan.fullByteCount
    tensors = plan.tensors.enumerated().map { index, tensor in
      Tensor(
        name: tensor.target.name, shape: tensor.target.shape, source: tensor.sourceType,
        format: tensor.target.format.name, bytes: tensor.targetByteCount, note: tensor.note,
        sqnr: index < statistics.count ? Decibels(statistics[index].sqnr) : nil)
    }
  }
}

/// A ratio in JSON: null where it is infinite, since nothing was lost.
struct Decibels: Encodable {
  let value: Double

  init(_ value: Double) { self.value = value }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    if value.isFinite { try container.encode(value) } else { try container.encodeNil() }
  }
}
