/// The lines of a file of comma-separated values, as RFC 4180 has them, but each on a line of its own.
package enum LabelTable {
  /// The fields of a line.
  ///
  /// A field in double quotes may hold commas, and a double quote as two of them; spaces around
  /// fields don't count.
  /// - Returns: nil if a quote stands where none may, or is not closed.
  package static func fields(_ line: some StringProtocol) -> [String]? {
    var rest = Substring(line)
    var fields: [String] = []
    while true {
      rest = rest.drop(while: \.isWhitespace)
      guard let field = rest.first == "\"" ? quoted(&rest) : plain(&rest) else { return nil }
      fields.append(field)
      rest = rest.drop(while: \.isWhitespace)
      if rest.isEmpty { return fields }
      guard rest.removeFirst() == "," else { return nil }
    }
  }

  private static func plain(_ rest: inout Substring) -> String? {
    var field = rest.prefix { $0 != "," }
    rest = rest.dropFirst(field.count)
    while field.last?.isWhitespace == true { field.removeLast() }
    return field.contains("\"") ? nil : String(field)
  }

  private static func quoted(_ rest: inout Substring) -> String? {
    var field = ""
    rest.removeFirst()
    while let character = rest.popFirst() {
      guard character == "\"" else {
        field.append(character)
        continue
      }
      guard rest.first == "\"" else { return field }
      field.append(rest.removeFirst())
    }
    return nil
  }
}
