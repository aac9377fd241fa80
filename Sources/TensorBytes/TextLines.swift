/// The lines of a text file: a table or a list of names.
package enum TextLines {
  private static let sizeLimit = 1 << 30
  private static let lineLimit = 1 << 13
  /// Lines that any file may have, and bytes for each further one.
  private static let lines = (base: 200_000, bytesEach: 16)

  /// The lines without their ends and without a byte order mark, as editors and spreadsheets put in
  /// front; what follows the last end is one, too.
  /// - Throws: `FileError`, ``TextLinesError`` for more or longer lines than any sound file has.
  package static func read(_ file: MappedFile) throws -> [ArraySlice<UInt8>] {
    guard file.count <= sizeLimit else {
      throw TextLinesError.size(path: file.path, limit: sizeLimit)
    }
    let bytes = try unsafe file.withBytes(in: 0..<file.count) { unsafe [UInt8]($0) }
    var rest = bytes[...]
    if rest.starts(with: [0xEF, 0xBB, 0xBF]) { rest = rest.dropFirst(3) }
    let limit = lines.base + file.count / lines.bytesEach
    var result: [ArraySlice<UInt8>] = []
    while true {
      let end = rest.firstIndex { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }
      let line = rest[..<(end ?? rest.endIndex)]
      guard line.count <= lineLimit else {
        throw TextLinesError.line(path: file.path, line: result.count + 1, limit: lineLimit)
      }
      guard result.count < limit else { throw TextLinesError.lines(path: file.path, limit: limit) }
      result.append(line)
      guard let end else { return result }
      let isPair = rest[end...].starts(with: [UInt8(ascii: "\r"), UInt8(ascii: "\n")])
      rest = rest[(end + (isPair ? 2 : 1))...]
    }
  }
}

/// A text file is not one of lines as tables and lists have them.
package enum TextLinesError: Error, Equatable, Sendable, CustomStringConvertible {
  /// It is too long.
  case size(path: String, limit: Int)
  /// A line is too long.
  case line(path: String, line: Int, limit: Int)
  /// There are too many for its size.
  case lines(path: String, limit: Int)

  /// The message for the user.
  package var description: String {
    switch self {
    case .size(let path, let limit):
      "\(path) is larger than \(limit >> 20) MiB"
    case .line(let path, let line, let limit):
      "\(path), line \(line): longer than \(limit >> 10) KiB"
    case .lines(let path, let limit):
      "\(path) has more than \(limit) lines, far too many for its size"
    }
  }
}
