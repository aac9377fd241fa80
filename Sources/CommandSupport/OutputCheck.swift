internal import Platform
internal import TensorBytes

/// Refuses outputs before anything is computed, so that a slip of the keyboard costs no minutes.
package enum OutputCheck {
  /// Checks that files can be written, and that none of them is an input of the same command.
  /// - Parameters:
  ///   - outputs: paths; `-`, the standard output, is fine.
  ///   - inputs: files that are read; those that don't exist are of no concern here.
  ///   - replacing: whether outputs may exist.
  /// - Throws: ``OutputError``, `FileError`.
  package static func check(
    _ outputs: [String], inputs: [String] = [], replacing: Bool = true
  ) throws {
    let taken = Dictionary(inputs.compactMap { path in identity(path).map { ($0, path) } }) { $1 }
    var seen: Set<String> = []
    for output in outputs where output != "-" {
      guard seen.insert(output).inserted else { throw OutputError.twice(output) }
      if let identity = identity(output), let input = taken[identity] {
        throw OutputError.isInput(output, input: input)
      }
      try AtomicFileWriter(output, replacing: replacing).abandon()
    }
  }

  /// What tells a file from all others, whatever name it is reached by.
  private static func identity(_ path: String) -> [UInt64]? {
    var status = stat()
    guard unsafe stat(path, &status) == 0 else { return nil }
    return [UInt64(status.st_dev), UInt64(status.st_ino)]
  }
}

/// Why a command will not write to a path.
package enum OutputError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The command reads this file.
  case isInput(String, input: String)
  /// Two outputs have the same path.
  case twice(String)

  /// The message for the user.
  package var description: String {
    switch self {
    case .isInput(let path, let input):
      "\(path) is \(path == input ? "" : input + ", ")an input of this command, which it would "
        + "replace; choose another output"
    case .twice(let path):
      "\(path) is named for two outputs; give each its own file"
    }
  }
}
