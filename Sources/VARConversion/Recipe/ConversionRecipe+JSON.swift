internal import SafetensorsIO
internal import TensorBytes
internal import VARQuant

/// A recipe as text: JSON, readable, with a version; read from a file, written into metadata.
///
/// ```json
/// {"recipe": 1, "name": "mine",
///  "rules": [{"pattern": "^var\\.head\\.weight$", "type": "q6"}],
///  "otherwise": "q4", "overrides": []}
/// ```
///
/// `rules` are for large matrices and convolutions, and the first that matches wins; `otherwise` is
/// what the others get. `overrides` are for any tensor, and the last that matches wins. `name`,
/// `rules` and `overrides` may be left out.
extension ConversionRecipe {
  /// The version of the text that is written and read.
  package static let textVersion = 1

  /// Reads a recipe from a file.
  /// - Parameter overrides: `REGEX=TYPE` each; they win over those of the file.
  /// - Throws: an error that says where the file is no recipe.
  public init(contentsOf path: String, overrides: [String] = []) throws {
    let further = try overrides.map { try FormatOverride($0) }
    let file = try MappedFile(path)
    // A recipe is a page of text; this is not.
    guard file.count <= 1 << 20 else { throw RecipeError.text(path, "it is no recipe: too large") }
    var reader = try ByteReader(file, in: 0..<file.count)
    let bytes = try reader.readBytes(file.count)
    do {
      self = try ConversionRecipe(json: bytes).adding(further)
    } catch let error as JSONError {
      throw RecipeError.text(path, "\(error)")
    } catch let error as RecipeTextError {
      throw RecipeError.text(path, error.message)
    }
  }

  /// Reads a recipe.
  /// - Throws: `JSONError`, ``RecipeTextError``, ``RecipeError`` for a pattern.
  package init(json bytes: [UInt8]) throws {
    var root = try RecipeText(StrictJSON.parse(bytes), "the recipe")
    // All that --dry-run --json prints is taken, too.
    if case .object? = root["recipe"], let value = root["recipe"] {
      root = try RecipeText(value, "the recipe")
    }
    try root.allow(["recipe", "name", "rules", "otherwise", "overrides"])
    guard case .number(let version)? = root["recipe"] else {
      throw RecipeTextError(message: "it is no recipe: there is no number \"recipe\"")
    }
    guard version == "\(Self.textVersion)" else {
      throw RecipeTextError(
        message: "it is a recipe of version \(version); known is \(Self.textVersion)")
    }
    let rules = try root.entries("rules")
    self.init(
      name: try root["name"] == nil ? "custom" : root.text("name"), rules: rules,
      otherwise: try root.format("otherwise"), overrides: try root.entries("overrides"))
  }

  /// The recipe as one line of JSON, for metadata; the same recipe gives the same text.
  package var json: String {
    func list(_ entries: [FormatOverride]) -> String {
      entries.map {
        "{\"pattern\":\(Self.quoted($0.pattern)),\"type\":\(Self.quoted($0.format.name))}"
      }.joined(separator: ",")
    }
    let head = "{\"recipe\":\(Self.textVersion),\"name\":\(Self.quoted(name)),"
    return head + "\"rules\":[\(list(rules))],"
      + "\"otherwise\":\(Self.quoted(format.name)),\"overrides\":[\(list(overrides))]}"
  }

  private static func quoted(_ text: String) -> String {
    let escaped = text.unicodeScalars.map { scalar in
      switch scalar {
      case "\"": "\\\""
      case "\\": "\\\\"
      case _ where scalar.value < 32:
        "\\u00" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
      default: String(scalar)
      }
    }
    return "\"" + escaped.joined() + "\""
  }
}
