internal import Platform

/// A file could not be opened, mapped, read or written.
package enum FileError: Error, Equatable, Sendable, CustomStringConvertible {
  /// A system call failed: what was tried, on which path, and its `errno`.
  case system(operation: String, path: String, errno: Int32)
  /// The path leads to a name that is not UTF-8 text, which no path of ours can hold.
  case foreignName(path: String)
  /// The path is a folder, a device or a pipe.
  case notRegularFile(path: String)
  /// The target is there already and was not to be replaced.
  case exists(path: String)
  /// Bytes outside the file were asked for.
  case outOfBounds(path: String, offset: Int, count: Int, size: Int)
  /// A writer was used after its file was committed or given up.
  case closed(path: String)

  /// The message for the user, with the remedy where the system is the cause.
  package var description: String {
    switch self {
    case .system(let operation, let path, let code):
      "\(path): cannot \(operation): \(Self.text(of: code))"
        + (code == ENOENT && path.contains(Self.replacement)
          ? "; its name is not UTF-8 text: \(Self.rename)" : Self.remedy(for: code))
    case .foreignName(let path):
      "\(path) leads to a name that is not UTF-8 text: \(Self.rename)"
    case .notRegularFile(let path):
      "\(path) is not a regular file"
    case .exists(let path):
      "\(path) exists already"
    case .outOfBounds(let path, let offset, let count, let size):
      "\(path): \(count) bytes at offset \(offset) are not within the file's \(size) bytes"
    case .closed(let path):
      "\(path): the file is closed already"
    }
  }

  /// The system's text for an error number, such as "No such file or directory".
  static func text(of code: Int32) -> String {
    var buffer = [CChar](repeating: 0, count: 256)
    let status = unsafe strerror_r(code, &buffer, buffer.count)
    guard status == 0 else { return "error \(code)" }
    let bytes = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// What stands in the place of bytes that are not UTF-8: a path with it is none that was meant.
  private static let replacement: Character = "\u{FFFD}"
  private static let rename = "rename it, or make a link with another name (ln)"

  private static func remedy(for code: Int32) -> String {
    switch code {
    case ENOSPC, EDQUOT: "; free some space, or write to another disk"
    case EACCES, EPERM: "; check the permissions of the file and its folder"
    case EROFS: "; choose a folder that can be written to"
    case EFBIG: "; the file system or a limit (ulimit -f) allows no file of this size"
    // A mapped file that is written elsewhere became shorter.
    case EFAULT: "; a file that was read became shorter meanwhile: copy it again"
    case ENOMEM: "; close other programs, or raise the memory limit"
    default: ""
    }
  }
}
