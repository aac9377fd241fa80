/// The lines of a file of comma-separated values, as RFC 4180 has them, but each on a line of its own.
package enum LabelTable {
  /// The fields of a line.
  ///
  /// A field in double quotes may hold commas, and a double quote as two of them; spaces and tabs
  /// around fields don't count.
  /// - Returns: nil if a quote stands where none may, or is not closed.
  package static func fields(_ line: ArraySlice<UInt8>) -> [String]? {
    var rest = line
    var fields: [String] = []
    while true {
      rest = rest.drop(while: isBlank)
      guard let field = rest.first == quote ? quoted(&rest) : plain(&rest) else { return nil }
      fields.append(String(decoding: field, as: UTF8.self))
      rest = rest.drop(while: isBlank)
      if rest.isEmpty { return fields }
      guard rest.removeFirst() == UInt8(ascii: ",") else { return nil }
    }
  }

  private static let quote = UInt8(ascii: "\"")

  private static func isBlank(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t")
  }

  private static func plain(_ rest: inout ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
    var field = rest.prefix { $0 != UInt8(ascii: ",") }
    rest = rest[field.endIndex...]
    while let last = field.last, isBlank(last) { field.removeLast() }
    return field.contains(quote) ? nil : field
  }

  private static func quoted(_ rest: inout ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
    var field: ArraySlice<UInt8> = []
    rest.removeFirst()
    while let byte = rest.popFirst() {
      guard byte == quote else {
        field.append(byte)
        continue
      }
      guard rest.first == quote else { return field }
      field.append(rest.removeFirst())
    }
    return nil
  }
}
