internal import SafetensorsIO
internal import TensorBytes
internal import VARQuant

/// A table as text, as `var-convert sensitivity` prints it.
///
/// ```json
/// {"sensitivity": 1, "model": "…", "images": 16, "calibrated": true, "groups": [
///   {"name": "qkv", "costs": [{"type": "q8", "value": 1.2e-6, "se": 1e-7}]}]}
/// ```
///
/// `value` is in nats for groups of the transformer, a mean squared error for those of the VQ-VAE.
extension SensitivityTable: Encodable {
  /// The version of the text that is written and read.
  package static let textVersion = 1

  private struct Group: Encodable {
    struct Entry: Encodable {
      let type: String
      let value: Double
      let se: Double
    }

    let name: String
    let pattern: String
    let costs: [Entry]
  }

  private enum CodingKeys: String, CodingKey {
    case version = "sensitivity"
    case model
    case images
    case calibrated
    case groups
  }

  /// Writes the table.
  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(Self.textVersion, forKey: .version)
    try container.encode(model, forKey: .model)
    try container.encode(images, forKey: .images)
    try container.encode(isCalibrated, forKey: .calibrated)
    let groups = zip(WeightGroup.all, costs).map { group, costs in
      Group(
        name: group.name, pattern: group.pattern,
        costs: zip(formats, costs).map {
          Group.Entry(type: $0.name, value: $1.value, se: $1.standardError)
        })
    }
    try container.encode(groups.filter { !$0.costs.isEmpty }, forKey: .groups)
  }

  /// Reads a table from a file.
  /// - Throws: ``SensitivityError/text(_:_:)``, `FileError`.
  package init(contentsOf path: String) throws {
    let file = try MappedFile(path)
    guard file.count <= 1 << 20 else {
      throw SensitivityError.text(path, "it is no sensitivity table: too large")
    }
    var reader = try ByteReader(file, in: 0..<file.count)
    do {
      try self.init(json: reader.readBytes(file.count))
    } catch let error as JSONError {
      throw SensitivityError.text(path, "\(error)")
    } catch let error as RecipeTextError {
      throw SensitivityError.text(path, error.message)
    }
  }

  /// Reads a table.
  /// - Throws: `JSONError`, ``RecipeTextError``.
  package init(json bytes: [UInt8]) throws {
    var root = try RecipeText(StrictJSON.parse(bytes), "the table")
    // All that sensitivity prints is taken: the frontier beside the table, too.
    if case .object? = root["table"], let value = root["table"] {
      root = try RecipeText(value, "the table")
    }
    guard case .number(let version)? = root["sensitivity"], version == "\(Self.textVersion)" else {
      throw RecipeTextError(
        message: "it is no sensitivity table of version \(Self.textVersion)")
    }
    var formats: [TensorFormat] = []
    var costs: [[Cost]] = WeightGroup.all.map { _ in [] }
    for group in try root.objects("groups") {
      let name = try group.text("name")
      guard let index = WeightGroup.all.firstIndex(where: { $0.name == name }) else {
        throw RecipeTextError(message: "there is no group \"\(name)\"")
      }
      let entries = try group.objects("costs")
      let own = try entries.map { try $0.format("type") }
      if formats.isEmpty { formats = own }
      guard own == formats, !own.isEmpty, Set(own).count == own.count else {
        throw RecipeTextError(message: "the group \"\(name)\" has other types than the first")
      }
      costs[index] = try entries.map { entry in
        let value = try entry.number("value")
        guard value >= 0 else {
          throw RecipeTextError(message: "the group \"\(name)\" has a cost below 0")
        }
        return Cost(value, standardError: try entry.number("se"))
      }
    }
    let images = try root.number("images")
    guard images >= 0, images < 1e9 else {
      throw RecipeTextError(message: "\"images\" is no number of pictures")
    }
    self.init(
      model: try root.text("model"), images: Int(images),
      isCalibrated: try root.boolean("calibrated"), formats: formats, costs: costs)
  }
}
