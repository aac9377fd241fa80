import Foundation
internal import Platform
import TensorBytes

/// Where commands print: facts to the standard output, everything else to the standard error.
package enum Console {
  /// Prints a remark for the person at the keyboard to the standard error.
  package static func note(_ text: String) {
    FileHandle.standardError.write(Data((text + "\n").utf8))
  }

  /// Prints a value as JSON with sorted keys, readable, to the standard output.
  package static func print(json value: some Encodable) throws { try write(json(value)) }

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
    return [UInt8](try encoder.encode(value)) + [0x0a]
  }

  /// Prints lines of facts.
  /// - Parameter aside: to the standard error, because the standard output carries a file.
  /// - Throws: when the output is closed or its disk is full.
  package static func print(_ lines: [String], aside: Bool = false) throws {
    let text = lines.map { $0 + "\n" }.joined()
    guard aside else { return try write([UInt8](text.utf8)) }
    FileHandle.standardError.write(Data(text.utf8))
  }

  /// Writes bytes to the standard output.
  /// - Throws: `FileError` when it is closed or its disk is full.
  package static func write(_ bytes: [UInt8]) throws {
    // What `print` has buffered comes first.
    fflush(nil)
    var done = 0
    while done < bytes.count {
      let written = unsafe bytes.withUnsafeBytes { bytes in
        unsafe systemWrite(
          STDOUT_FILENO, bytes.baseAddress?.advanced(by: done), bytes.count - done)
      }
      if written < 0 && errno == EINTR { continue }
      guard written > 0 else {
        throw FileError.system(operation: "write", path: "standard output", errno: errno)
      }
      done += written
    }
  }

  /// `-` for every name of the standard output; other paths as they are.
  ///
  /// By its name in `/dev` it would be replaced like a file if the shell redirects it into one.
  package static func outputPath(_ path: String) -> String {
    ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"].contains(path) ? "-" : path
  }

  /// Writes a file whole or not at all; `-` is the standard output.
  /// - Throws: `FileError`.
  package static func write(_ bytes: [UInt8], to path: String) throws {
    guard path != "-" else { return try write(bytes) }
    let writer = try AtomicFileWriter(path, replacing: true)
    try writer.append(bytes)
    try writer.commit()
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
