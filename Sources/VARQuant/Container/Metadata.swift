/// A value of a `.varq` file's metadata.
package enum MetadataValue: Equatable, Sendable {
  /// An unsigned number.
  case unsigned(UInt64)
  /// A finite number.
  case double(Double)
  /// Yes or no.
  case boolean(Bool)
  /// A text.
  case string(String)
  /// Unsigned numbers.
  case unsignedList([UInt64])
  /// Finite numbers.
  case doubleList([Double])
  /// Texts.
  case stringList([String])

  /// The name of the type, for messages.
  package var typeName: String {
    switch self {
    case .unsigned: "u64"
    case .double: "f64"
    case .boolean: "bool"
    case .string: "string"
    case .unsignedList: "list of u64"
    case .doubleList: "list of f64"
    case .stringList: "list of strings"
    }
  }
}

/// A key of the metadata is missing, or is not what it must be.
package enum MetadataError: Error, Equatable, Sendable, CustomStringConvertible {
  /// There is no such key.
  case missing(key: String)
  /// The key has a value of another type.
  case wrongType(key: String, expected: String, actual: String)
  /// The value has the right type, but cannot be used.
  case invalid(key: String, value: String, allowed: String)

  /// The message for the user.
  package var description: String {
    switch self {
    case .missing(let key):
      "the metadata lacks \(key)"
    case .wrongType(let key, let expected, let actual):
      "the metadata value of \(key) is a \(actual), but must be a \(expected)"
    case .invalid(let key, let value, let allowed):
      "the metadata value of \(key) is \(value), but must be \(allowed)"
    }
  }
}

/// The metadata of a `.varq` file: typed values by key.
package struct Metadata: Equatable, Sendable {
  /// All values by key.
  package var values: [String: MetadataValue]

  /// Makes metadata; ``VarqWriter`` checks keys and sizes.
  package init(_ values: [String: MetadataValue] = [:]) { self.values = values }

  /// The keys in the order of the file.
  package var keys: [String] { values.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) } }

  /// Where what people say about a model begins: `about.name`, `about.license`, and their own keys.
  package static let aboutPrefix = "about."

  /// What people say about the model, by key without the prefix.
  package var about: [String: String] {
    values.reduce(into: [:]) { about, entry in
      guard entry.key.hasPrefix(Self.aboutPrefix), case .string(let text) = entry.value else {
        return
      }
      about[String(entry.key.dropFirst(Self.aboutPrefix.count))] = text
    }
  }

  /// The value of a key, nil where it is missing.
  package subscript(key: String) -> MetadataValue? {
    get { values[key] }
    set { values[key] = newValue }
  }

  /// The unsigned number of a key.
  package func unsigned(_ key: String) throws(MetadataError) -> UInt64 {
    let value = try required(key)
    guard case .unsigned(let number) = value else { throw mismatch(key, "u64", value) }
    return number
  }

  /// The number of a key.
  package func double(_ key: String) throws(MetadataError) -> Double {
    let value = try required(key)
    guard case .double(let number) = value else { throw mismatch(key, "f64", value) }
    return number
  }

  /// The truth of a key.
  package func boolean(_ key: String) throws(MetadataError) -> Bool {
    let value = try required(key)
    guard case .boolean(let truth) = value else { throw mismatch(key, "bool", value) }
    return truth
  }

  /// The text of a key.
  package func string(_ key: String) throws(MetadataError) -> String {
    let value = try required(key)
    guard case .string(let text) = value else { throw mismatch(key, "string", value) }
    return text
  }

  /// The unsigned numbers of a key.
  package func unsignedList(_ key: String) throws(MetadataError) -> [UInt64] {
    let value = try required(key)
    guard case .unsignedList(let numbers) = value else {
      throw mismatch(key, "list of u64", value)
    }
    return numbers
  }

  /// The texts of a key.
  package func stringList(_ key: String) throws(MetadataError) -> [String] {
    let value = try required(key)
    guard case .stringList(let texts) = value else {
      throw mismatch(key, "list of strings", value)
    }
    return texts
  }

  private func required(_ key: String) throws(MetadataError) -> MetadataValue {
    guard let value = values[key] else { throw .missing(key: key) }
    return value
  }

  private func mismatch(_ key: String, _ expected: String, _ value: MetadataValue)
    -> MetadataError
  {
    .wrongType(key: key, expected: expected, actual: value.typeName)
  }
}
