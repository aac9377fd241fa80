import Foundation
internal import Platform
import TensorBytes

/// Where commands print: facts to the standard output, everything else to the standard error.
package enum Console {
  /// Prints a remark for the person at the keyboard to the standard error.
  ///
  /// What a file has put into it never commands the terminal.
  package static func note(_ text: String) { whisper(text.printableLines + "\n") }

  /// Writes to the standard error as it is, ours only. Where that is closed or full nobody can be told, and
  /// the work is worth more than the remark.
  package static func whisper(_ text: String) {
    let bytes = [UInt8](text.utf8)
    _ = unsafe bytes.withUnsafeBytes { unsafe systemWrite(STDERR_FILENO, $0.baseAddress, $0.count) }
  }

  /// Prints a value as JSON with sorted keys, readable, to the standard output.
  package static func print(json value: some Encodable) throws {
    try StandardOutput.write(json(value))
  }

  /// A value as JSON with sorted keys and a newline at the end.
  ///
  /// `imageSide` becomes `image_side`; keys that begin with a capital or have an underscore, such
  /// as `L_mean`, stay.
  package static func json(_ value: some Encodable) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    encoder.keyEncodingStrategy = .custom { JSONKey(snakeCase: $0.last?.stringValue ?? "") }
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    let text = String(decoding: try encoder.encode(value), as: UTF8.self)
    return [UInt8](text.printableJSON.utf8) + [0x0a]
  }

  /// Prints lines of facts; what a file has put into them never commands the terminal.
  /// - Parameter aside: to the standard error, because the standard output carries a file.
  /// - Throws: when the output is closed or its disk is full.
  package static func print(_ lines: some Sequence<String>, aside: Bool = false) throws {
    var text = ""
    func flush() throws {
      if aside { whisper(text) } else { try StandardOutput.write([UInt8](text.utf8)) }
      text = ""
    }
    for line in lines {
      text += line.printableLines
      text += "\n"
      if text.utf8.count > pieceSize { try flush() }
    }
    if !text.isEmpty { try flush() }
  }

  /// Bytes that are written at a time.
  private static let pieceSize = 1 << 16

  /// `-` for every name of the standard output; other paths as they are.
  package static func outputPath(_ path: String) -> String {
    StandardOutput.isNamed(by: path) ? "-" : path
  }
}

/// A key of a JSON object.
private struct JSONKey: CodingKey {
  let stringValue: String
  let intValue: Int? = nil

  init(stringValue: String) { self.stringValue = stringValue }
  init?(intValue: Int) { nil }

  init(snakeCase name: String) {
    guard name.first?.isLowercase == true, !name.contains("_") else {
      stringValue = name
      return
    }
    stringValue = name.reduce(into: "") {
      $0 += $1.isUppercase ? "_" + $1.lowercased() : String($1)
    }
  }
}
