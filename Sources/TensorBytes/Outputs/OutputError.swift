/// Why an output is refused, before any work is done.
package enum OutputError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The work reads this file.
  case isInput(path: String, input: String)
  /// Two outputs are one file.
  case twice(path: String, other: String)
  /// A file was asked for where a folder is, or will be.
  case isFolder(path: String)
  /// A folder was asked for where a file is, or will be.
  case isNoFolder(path: String)
  /// The file is there already and may not be replaced.
  case exists(path: String, Standing)
  /// The place of a journal is taken by a file that is none.
  case isNoJournal(path: String, kind: String)
  /// Another process is at work on the file.
  case busy(path: String)
  /// The disk has not enough room for the work.
  case noSpace(path: String, needed: Int, free: Int)
  /// What the system says.
  case file(FileError)

  /// The message for the user; how to allow a replacement is for the program to say.
  package var description: String {
    switch self {
    case .isInput(let path, let input):
      "\(path) is \(path == input ? "" : input + ", ")an input of this command, which it would "
        + "replace; choose another output"
    case .twice(let path, let other):
      "\(path) is \(path == other ? "" : other + ", which is ")named for two outputs; give each "
        + "its own file"
    case .isFolder(let path):
      "\(path.isEmpty ? "the empty path" : path) names a folder, where a file is needed"
    case .isNoFolder(let path):
      path.isEmpty
        ? "a folder is needed, and the path is empty"
        : "\(path) is a file, where a folder is needed"
    case .exists(let path, let standing):
      "\(path) exists already\(standing.remark)"
    case .isNoJournal(let path, let kind):
      "\(path) is not a journal of a \(kind), which would keep its progress there; move it away, or "
        + "choose another output"
    case .busy(let path):
      "\(path) is being written by another process; wait for it, or choose another output"
    case .noSpace(let path, let needed, let free):
      "\(path): the work needs \(needed / 1_000_000 + 1) MB on this disk, of which "
        + "\(free / 1_000_000) MB are free"
    case .file(let error):
      "\(error)"
    }
  }
}

/// How a file that exists stands to the one that is to be written.
package enum Standing: Equatable, Sendable {
  /// Nobody has looked into it.
  case unknown
  /// It was made by the same arguments: nothing is lost when it is written again.
  case same
  /// It was made by other arguments.
  case otherArguments
  /// It does not say what made it.
  case foreign

  fileprivate var remark: String {
    switch self {
    case .unknown, .same: ""
    case .otherArguments: " and was made by other arguments"
    case .foreign: " and does not say how it was made"
    }
  }
}

/// Which files that exist an output may replace.
package enum Replacement {
  /// None.
  case never
  /// Any.
  case always
  /// Those that the same arguments made, as a look into the file at a path tells.
  case ifSame((String) -> Standing)
}
