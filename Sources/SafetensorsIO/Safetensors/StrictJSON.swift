internal import TensorBytes

/// Why a JSON text was refused, and at which byte.
package struct JSONError: Error, Equatable, Sendable, CustomStringConvertible {
  /// Offset in the JSON text.
  package let offset: Int
  /// What is wrong.
  package let message: String

  /// Makes an error at a byte offset.
  package init(offset: Int, message: String) {
    self.offset = offset
    self.message = message
  }

  /// The message for the user.
  package var description: String { "JSON, byte \(offset): \(message.printable(limit: 400))" }
}

/// A JSON value. Objects keep the order of their keys.
package enum JSONValue: Equatable {
  /// Nothing.
  case null
  /// A truth.
  case bool(Bool)
  /// A number as it was written; ``integer`` gives its value where it is a plain integer.
  case number(String)
  /// A text.
  case string(String)
  /// Values in order.
  case array([JSONValue])
  /// Values by name, in the order of the text.
  case object([(key: String, value: JSONValue)])

  /// The value of a plain integer that is not negative zero.
  package var integer: Int? {
    // Sizes are unsigned: −0 is not one of them.
    if case .number(let text) = self, text != "-0" { Int(text) } else { nil }
  }

  /// Whether it is the same value, with keys in the same order.
  package static func == (a: JSONValue, b: JSONValue) -> Bool {
    switch (a, b) {
    case (.null, .null): true
    case (.bool(let a), .bool(let b)): a == b
    case (.number(let a), .number(let b)), (.string(let a), .string(let b)): a == b
    case (.array(let a), .array(let b)): a == b
    case (.object(let a), .object(let b)): a.elementsEqual(b, by: ==)
    default: false
    }
  }
}

/// A strict JSON parser (RFC 8259) that, unlike Foundation's, refuses duplicate keys: those of
/// the same bytes.
package struct StrictJSON {
  static let depthLimit = 32

  /// Bytes of a value beside its text.
  private static let valueBytes = 160
  /// Objects of more members look their keys up in a set.
  private static let fewKeys = 8

  private let bytes: [UInt8]
  private var position = 0
  private var budget: FileBudget

  /// Parses a whole text; white space may surround the value.
  package static func parse(_ bytes: [UInt8]) throws(JSONError) -> JSONValue {
    var budget = FileBudget(size: bytes.count)
    return try parse(bytes, &budget)
  }

  /// Parses a whole text and charges its values.
  static func parse(
    _ bytes: [UInt8], _ budget: inout FileBudget
  ) throws(JSONError) -> JSONValue {
    var parser = StrictJSON(bytes, budget)
    let value = try parser.value(depth: 0)
    try parser.end()
    budget = parser.budget
    return value
  }

  /// Parses an object and hands out its members one by one; none is kept.
  static func forEachMember<E: Error>(
    of bytes: [UInt8], _ budget: FileBudget, failure: (JSONError) -> E,
    _ body: (_ key: String, _ value: JSONValue) throws(E) -> Void
  ) throws(E) {
    var parser = StrictJSON(bytes, budget)
    var result: Result<Void, E> = .success(())
    do throws(JSONError) {
      parser.skipSpace()
      guard parser.next == UInt8(ascii: "{") else { throw parser.error("no object") }
      try parser.members(depth: 0, keepsValues: false) { key, value in
        // What is no JSON is no JSON, whatever its members say before that.
        guard case .success = result else { return }
        do throws(E) { try body(key, value) } catch { result = .failure(error) }
      }
      try parser.end()
    } catch { throw failure(error) }
    try result.get()
  }

  private init(_ bytes: [UInt8], _ budget: FileBudget) {
    self.bytes = bytes
    self.budget = budget
  }

  private mutating func end() throws(JSONError) {
    skipSpace()
    guard position == bytes.count else { throw error("text after the value") }
  }

  private mutating func keep(_ count: Int) throws(JSONError) {
    do throws(BudgetError) {
      try budget.keep(count, "JSON values")
    } catch { throw self.error("\(error)") }
  }

  private func error(_ message: String) -> JSONError {
    JSONError(offset: position, message: message)
  }

  private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func skipSpace() {
    while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 {
      position += 1
    }
  }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard let byte = next, UInt32(byte) == character.value else { return false }
    position += 1
    return true
  }

  private mutating func value(depth: Int) throws(JSONError) -> JSONValue {
    guard depth <= Self.depthLimit else { throw error("nested too deeply") }
    try keep(Self.valueBytes)
    skipSpace()
    switch next {
    case UInt8(ascii: "{"): return try object(depth: depth)
    case UInt8(ascii: "["): return try array(depth: depth)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    case nil: throw error("the text ends too early")
    default: return try number()
    }
  }

  private mutating func word(_ text: String, _ value: JSONValue) throws(JSONError) -> JSONValue {
    guard bytes[position...].starts(with: text.utf8) else { throw error("no value") }
    position += text.utf8.count
    return value
  }

  private mutating func object(depth: Int) throws(JSONError) -> JSONValue {
    var members: [(key: String, value: JSONValue)] = []
    try self.members(depth: depth, keepsValues: true) { members.append(($0, $1)) }
    return .object(members)
  }

  /// Parses an object's members; keys must differ.
  private mutating func members(
    depth: Int, keepsValues: Bool, _ body: (_ key: String, _ value: JSONValue) -> Void
  ) throws(JSONError) {
    position += 1
    var few: [String] = []
    var many: Set<ByteKey> = []
    skipSpace()
    if take("}") { return }
    repeat {
      skipSpace()
      let start = position
      guard next == UInt8(ascii: "\"") else { throw error("a key expected") }
      let key = try string()
      let isNew: Bool
      if few.count < Self.fewKeys {
        isNew = !few.contains { ByteKey($0) == ByteKey(key) }
        few.append(key)
        if few.count == Self.fewKeys { many = Set(few.map { ByteKey($0) }) }
      } else {
        isNew = many.insert(ByteKey(key)).inserted
      }
      guard isNew else {
        throw JSONError(offset: start, message: "the key \"\(key)\" appears twice")
      }
      skipSpace()
      guard take(":") else { throw error("':' expected") }
      let before = budget
      let value = try value(depth: depth + 1)
      if !keepsValues { budget = before }
      body(key, value)
      skipSpace()
    } while take(",")
    guard take("}") else { throw error("',' or '}' expected") }
  }

  private mutating func array(depth: Int) throws(JSONError) -> JSONValue {
    position += 1
    var elements: [JSONValue] = []
    skipSpace()
    if take("]") { return .array([]) }
    repeat {
      elements.append(try value(depth: depth + 1))
      skipSpace()
    } while take(",")
    guard take("]") else { throw error("',' or ']' expected") }
    return .array(elements)
  }

  private mutating func digits() throws(JSONError) {
    guard let first = next, (0x30...0x39).contains(first) else { throw error("a digit expected") }
    while let byte = next, (0x30...0x39).contains(byte) { position += 1 }
  }

  private mutating func number() throws(JSONError) -> JSONValue {
    let start = position
    _ = take("-")
    if next == UInt8(ascii: "0") {
      position += 1
    } else {
      try digits()
    }
    if take(".") { try digits() }
    if take("e") || take("E") {
      if !take("+") { _ = take("-") }
      try digits()
    }
    return .number(String(decoding: bytes[start..<position], as: UTF8.self))
  }
}

extension StrictJSON {
  private mutating func string() throws(JSONError) -> String {
    let start = position
    position += 1
    // Most texts have no escapes: they are taken as they are.
    var end = position
    while end < bytes.count, bytes[end] >= 0x20, bytes[end] != 0x5C, bytes[end] != 0x22 { end += 1 }
    try keep(end - position + 32)
    if end < bytes.count, bytes[end] == 0x22 {
      guard let string = String(validating: bytes[position..<end], as: UTF8.self) else {
        throw JSONError(offset: start, message: "the string is not UTF-8")
      }
      position = end + 1
      return string
    }
    var text = Array(bytes[position..<end])
    position = end
    while let byte = next, byte != UInt8(ascii: "\"") {
      guard byte >= 0x20 else { throw error("a control character in a string") }
      position += 1
      if byte == UInt8(ascii: "\\") {
        text += try escape()
      } else {
        text.append(byte)
      }
    }
    guard take("\"") else { throw error("the string does not end") }
    try keep(text.count)
    guard let string = String(validating: text, as: UTF8.self) else {
      throw JSONError(offset: start, message: "the string is not UTF-8")
    }
    return string
  }

  /// What stands behind a backslash.
  private mutating func escape() throws(JSONError) -> [UInt8] {
    guard let code = next else { throw error("the string does not end") }
    position += 1
    switch code {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [code]
    case UInt8(ascii: "b"): return [0x08]
    case UInt8(ascii: "f"): return [0x0C]
    case UInt8(ascii: "n"): return [0x0A]
    case UInt8(ascii: "r"): return [0x0D]
    case UInt8(ascii: "t"): return [0x09]
    case UInt8(ascii: "u"):
      var units = [try hexadecimal()]
      if UTF16.isLeadSurrogate(units[0]), take("\\") {
        guard take("u") else { throw error("half a surrogate pair") }
        units.append(try hexadecimal())
      }
      guard let text = String(validating: units, as: UTF16.self) else {
        throw error("half a surrogate pair")
      }
      return Array(text.utf8)
    default: throw error("an unknown escape")
    }
  }

  private mutating func hexadecimal() throws(JSONError) -> UInt16 {
    var value: UInt16 = 0
    for _ in 0..<4 {
      guard let byte = next, let digit = Character(UnicodeScalar(byte)).hexDigitValue else {
        throw error("four hexadecimal digits expected")
      }
      value = value << 4 | UInt16(digit)
      position += 1
    }
    return value
  }
}
