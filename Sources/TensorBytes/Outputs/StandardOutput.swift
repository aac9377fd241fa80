internal import Platform

/// The standard output: where facts are printed, and where a file goes whose path is `-`.
package enum StandardOutput {
  /// How messages call it.
  static let name = "standard output"

  /// Whether a path names the standard output.
  ///
  /// By its name in `/dev` it would be replaced like a file if the shell redirects it into one.
  package static func isNamed(by path: String) -> Bool {
    ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"].contains(path)
  }

  /// Writes bytes, all of them.
  /// - Throws: `FileError` when it is closed, its disk is full or its reader is gone.
  package static func write(_ bytes: [UInt8]) throws(FileError) {
    var done = 0
    while done < bytes.count {
      let written = unsafe bytes.withUnsafeBytes { bytes in
        unsafe systemWrite(
          STDOUT_FILENO, bytes.baseAddress?.advanced(by: done), bytes.count - done)
      }
      if written < 0 && errno == EINTR { continue }
      guard written > 0 else { throw failure(errno) }
      done += written
    }
  }

  /// Closes it: a file system over a network may tell only now that the disk is full.
  /// - Throws: `FileError`; not where it was closed from the beginning, and nothing was written.
  package static func close() throws(FileError) {
    if Platform.close(STDOUT_FILENO) != 0 && errno != EBADF { throw failure(errno) }
  }

  /// Whether an error says that the reader of a pipe has gone, as `head` does when it has enough.
  package static func isReaderGone(_ error: any Error) -> Bool {
    error as? FileError == failure(EPIPE)
  }

  private static func failure(_ code: Int32) -> FileError {
    .system(operation: "write", path: name, errno: code)
  }
}
