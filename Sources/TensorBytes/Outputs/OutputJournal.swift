internal import CTemporaries
internal import Platform

/// A file of lines that grows while long work goes on, so that the work can be taken up again.
///
/// Its first line, the heading, names everything that decides the result. Nobody else can have it
/// open. It stays when the process ends, however that happens, and goes with ``remove()``.
@safe package final class OutputJournal {
  /// Where it is.
  package let path: String
  /// The complete lines that earlier work has left, without the heading.
  package let lines: [[UInt8]]
  /// Where it really is.
  private let place: String
  private var descriptor: Int32

  /// Opens a declared journal.
  /// - Parameters:
  ///   - kind: what the headings of all journals of this kind begin with.
  ///   - settings: the rest of the heading.
  /// - Throws: ``OutputError/busy(path:)`` where another process has it,
  ///   ``OutputError/exists(path:_:)`` where other work has left it and it may not be replaced,
  ///   ``OutputError/isNoJournal(path:kind:)`` where it is something else, which is never replaced.
  package init(_ file: OutputFile, kind: String, settings: String) throws(OutputError) {
    let heading = kind + " " + settings
    guard let target = file.target else {
      throw .file(.notRegularFile(path: StandardOutput.name))
    }
    path = file.path
    place = target.place.path
    let flags = O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC
    descriptor = unsafe open(place, flags, 0o666)
    let opened = descriptor
    guard opened >= 0 else {
      throw .file(.system(operation: "write", path: file.path, errno: errno))
    }
    do throws(OutputError) {
      if temporaries_lock(opened, 0) == 0 { throw .busy(path: file.path) }
      let content = try Self.content(opened, file.path)
      // The start of a heading is what an interruption leaves.
      let start = content.prefix(kind.utf8.count + 1)
      guard (kind + " ").utf8.starts(with: start) else {
        throw .isNoJournal(path: file.path, kind: kind)
      }
      let (lines, length) = Self.completeLines(content)
      if let first = lines.first, first == Array(heading.utf8) {
        self.lines = Array(lines.dropFirst())
        // A line that was cut short by an interruption goes.
        try Self.cut(opened, to: length, file.path)
      } else {
        if !lines.isEmpty, case .none = target.permission {
          throw .exists(path: file.path, .otherArguments)
        }
        self.lines = []
        try Self.cut(opened, to: 0, file.path)
        try Self.append(Array(heading.utf8), opened, file.path)
      }
    } catch {
      close(opened)
      throw error
    }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// Adds a line.
  /// - Throws: ``OutputError``.
  package func append(_ line: [UInt8]) throws(OutputError) {
    try Self.append(line, descriptor, path)
  }

  /// Removes the file, once the work is done.
  package func remove() {
    // Unless the name is another file's by now.
    let status = FileStatus(place)
    if status != nil, status?.identity == FileStatus(descriptor: descriptor)?.identity {
      _ = unsafe unlink(place)
    }
    close(descriptor)
    descriptor = -1
  }

  private static func append(
    _ line: [UInt8], _ descriptor: Int32, _ path: String
  ) throws(OutputError) {
    let bytes = line + [UInt8(ascii: "\n")]
    var done = 0
    while done < bytes.count {
      let written = unsafe bytes[done...].withUnsafeBytes {
        unsafe systemWrite(descriptor, $0.baseAddress, $0.count)
      }
      if written < 0 && errno == EINTR { continue }
      guard written > 0 else { throw failure("write", path) }
      done += written
    }
  }

  private static func content(
    _ descriptor: Int32, _ path: String
  ) throws(OutputError) -> [UInt8] {
    let size = Int(FileStatus(descriptor: descriptor)?.stamp.size ?? 0)
    var bytes = [UInt8](repeating: 0, count: size)
    var done = 0
    while done < size {
      let count = unsafe bytes[done...].withUnsafeMutableBytes {
        unsafe pread(descriptor, $0.baseAddress, $0.count, off_t(done))
      }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw failure("read", path) }
      done += count
    }
    return bytes
  }

  /// The lines that end, and how many bytes they take.
  private static func completeLines(_ content: [UInt8]) -> (lines: [[UInt8]], length: Int) {
    guard let end = content.lastIndex(of: UInt8(ascii: "\n")) else { return ([], 0) }
    let lines = content[..<end].split(separator: UInt8(ascii: "\n")).map { Array($0) }
    return (lines, end + 1)
  }

  private static func cut(
    _ descriptor: Int32, to length: Int, _ path: String
  ) throws(OutputError) {
    guard ftruncate(descriptor, off_t(length)) == 0 else { throw failure("shorten", path) }
  }

  private static func failure(_ operation: String, _ path: String) -> OutputError {
    .file(.system(operation: operation, path: path, errno: errno))
  }
}
