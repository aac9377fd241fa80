internal import SafetensorsIO
internal import VARQuant

/// Why a text is no recipe, or no table.
struct RecipeTextError: Error, Equatable {
  let message: String
}

/// An object in the text of a recipe or a table.
struct RecipeText {
  private let members: [(key: String, value: JSONValue)]
  /// What the object is, for messages.
  private let place: String

  init(_ value: JSONValue, _ place: String) throws {
    guard case .object(let members) = value else {
      throw RecipeTextError(message: "\(place) is no object {…}")
    }
    self.members = members
    self.place = place
  }

  subscript(key: String) -> JSONValue? { members.first { $0.key == key }?.value }

  /// Refuses other keys: a word misspelled would otherwise be a rule left out.
  func allow(_ keys: [String]) throws {
    if let other = members.first(where: { !keys.contains($0.key) }) {
      throw RecipeTextError(
        message: "\(place) has \"\(other.key)\"; known are \(keys.joined(separator: ", "))")
    }
  }

  func text(_ key: String) throws -> String {
    guard case .string(let text)? = self[key] else {
      throw RecipeTextError(message: "\(place) has no text \"\(key)\"")
    }
    return text
  }

  func number(_ key: String) throws -> Double {
    guard case .number(let text)? = self[key], let number = Double(text), number.isFinite else {
      throw RecipeTextError(message: "\(place) has no number \"\(key)\"")
    }
    return number
  }

  func boolean(_ key: String) throws -> Bool {
    guard case .bool(let truth)? = self[key] else {
      throw RecipeTextError(message: "\(place) has no \"\(key)\" that is true or false")
    }
    return truth
  }

  /// A list of objects; empty where there is none.
  func objects(_ key: String) throws -> [RecipeText] {
    guard let value = self[key] else { return [] }
    guard case .array(let values) = value else {
      throw RecipeTextError(message: "\"\(key)\" is no list [...]")
    }
    return try values.enumerated().map { index, value in
      try RecipeText(value, "entry \(index + 1) of \"\(key)\"")
    }
  }

  func format(_ key: String) throws -> TensorFormat {
    let name = try text(key)
    guard let format = TensorFormat(name: name) else {
      throw RecipeTextError(
        message: "\(place) has \"\(key)\": \"\(name)\", which is no format; there are "
          + TensorFormat.names)
    }
    return format
  }

  /// More than the large tensors of any model.
  private static let mostEntries = 1000

  /// A list of patterns with types; empty where there is none.
  func entries(_ key: String) throws -> [FormatOverride] {
    let entries = try objects(key)
    guard entries.count <= Self.mostEntries else {
      throw RecipeTextError(
        message: "\(place) has \(entries.count) \"\(key)\"; \(Self.mostEntries) are the most")
    }
    return try entries.map { entry in
      try entry.allow(["pattern", "type"])
      return try FormatOverride(pattern: entry.text("pattern"), format: entry.format("type"))
    }
  }
}
