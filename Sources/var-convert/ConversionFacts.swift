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

  let fileBytes: Int
  let sourceBytes: Int
  let f32Bytes: Int
  let tensors: [Tensor]

  enum CodingKeys: String, CodingKey {
    case fileBytes = "file_bytes"
    case sourceBytes = "source_bytes"
    case f32Bytes = "f32_bytes"
    case tensors
  }

  /// - Parameter statistics: one a tensor, or none for a dry run.
  init(_ plan: ConversionPlan, _ statistics: [QuantizationStatistics]) throws {
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
