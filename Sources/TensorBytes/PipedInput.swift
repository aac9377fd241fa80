internal import Platform

/// Input that is read once, front to back: a pipe, or the standard input.
package enum PipedInput {
  /// All bytes of `-` or of a path that names a pipe or a terminal; nil for files, which are mapped.
  /// - Throws: ``FileError``, also beyond `limit` bytes.
  package static func read(_ path: String, limit: Int) throws(FileError) -> [UInt8]? {
    let isStandard = path == "-"
    if !isStandard {
      var status = stat()
      guard unsafe stat(path, &status) == 0 else { return nil }
      let kind = status.st_mode & S_IFMT
      guard kind == S_IFIFO || kind == S_IFSOCK || (kind == S_IFCHR && isStream(path)) else {
        return nil
      }
    }
    let descriptor = isStandard ? STDIN_FILENO : unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .system(operation: "open", path: path, errno: errno) }
    defer { if !isStandard { close(descriptor) } }
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = unsafe Platform.read(descriptor, &piece, piece.count)
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw .system(operation: "read", path: path, errno: errno) }
      if count == 0 { return bytes }
      guard bytes.count + count <= limit else {
        throw .system(operation: "read more than \(limit >> 20) MiB of", path: path, errno: EFBIG)
      }
      bytes += piece[..<count]
    }
  }

  /// Names of the standard input; other devices, such as /dev/zero, never end.
  private static func isStream(_ path: String) -> Bool {
    ["/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"].contains(path)
  }
}
