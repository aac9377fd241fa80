internal import CTemporaries
internal import Platform

/// Writes a file that appears under its name whole or not at all.
///
/// The bytes go to an unnamed temporary in the target's folder (`O_TMPFILE`), so that not even
/// SIGKILL leaves anything behind; where the file system has none, to a hidden named one, which is
/// removed when the writer is given up or a signal ends the program. ``commit()`` syncs it and gives it the name.
@safe package final class AtomicFileWriter {
  /// The path the file will have, as it was given.
  package let path: String
  /// Bytes appended so far.
  package private(set) var count = 0
  /// Bytes that the system has begun to bring to the disk, so that little is left for the sync.
  private var begun = 0
  private let target: OutputTarget
  private var descriptor: Int32
  /// The hidden name, where there is no unnamed temporary.
  private var hidden: HiddenName?

  /// Begins a file, and makes its folder if that was declared.
  ///
  /// A symbolic link is followed: the file that it names is made or replaced.
  /// - Parameters:
  ///   - output: what ``Outputs`` has allowed.
  ///   - unnamed: false for a hidden name even where the file system could do without, for tests.
  /// - Throws: ``FileError/notRegularFile(path:)`` for the standard output, ``FileError`` by the
  ///   system.
  package init(_ output: OutputFile, unnamed: Bool = true) throws(FileError) {
    guard let target = output.target else { throw .notRegularFile(path: StandardOutput.name) }
    path = output.path
    self.target = target
    try target.makeFolder(path)
    (descriptor, hidden) = try target.openTemporary(path, unnamed: unnamed)
  }

  deinit { abandon() }

  /// Adds bytes at the end.
  /// - Throws: ``FileError``, for example when the disk is full.
  package func append(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
    try unsafe write(bytes, at: count)
    count += bytes.count
    if count - begun >= Self.writingSize {
      temporaries_begin_writing(descriptor, begun, count - begun)
      begun = count
    }
  }

  /// Adds bytes at the end.
  /// - Throws: ``FileError``, for example when the disk is full.
  package func append(_ bytes: [UInt8]) throws(FileError) {
    try overwrite(bytes, at: count, limit: .max)
    count += bytes.count
  }

  /// Adds zeros until the size is a multiple of `alignment`, a power of two.
  package func pad(to alignment: Int) throws(FileError) {
    let padding = (alignment - count % alignment) % alignment
    try append([UInt8](repeating: 0, count: padding))
  }

  /// Replaces bytes that were appended before, such as a header.
  /// - Throws: ``FileError/outOfBounds(path:offset:count:size:)`` beyond what was appended.
  package func overwrite(_ bytes: [UInt8], at offset: Int) throws(FileError) {
    try overwrite(bytes, at: offset, limit: count)
  }

  /// Syncs the file, gives it its name and syncs the folder; nothing can be written afterwards.
  /// - Throws: ``FileError``; the target is then as it was.
  package func commit() throws(FileError) {
    guard descriptor >= 0 else { throw .closed(path: path) }
    defer { abandon() }
    guard fsync(descriptor) == 0 else { throw failure("sync") }
    try target.take(descriptor, hidden, path)
    target.syncFolder()
  }

  /// Maps what was written instead of giving it a name: a file that is gone with its mapping, in
  /// whatever way this process ends.
  /// - Throws: ``FileError``; nothing remains of the file then.
  package func mapped() throws(FileError) -> MappedFile {
    guard descriptor >= 0 else { throw .closed(path: path) }
    defer { abandon() }
    return try MappedFile(descriptor: descriptor, path)
  }

  /// Gives the file up; nothing of it remains. Harmless after ``commit()``.
  package func abandon() {
    if descriptor >= 0 { close(descriptor) }
    descriptor = -1
    hidden = nil
  }

  private static let writingSize = 32 << 20

  private func overwrite(_ bytes: [UInt8], at offset: Int, limit: Int) throws(FileError) {
    guard offset >= 0, offset <= limit, bytes.count <= limit - offset else {
      throw .outOfBounds(path: path, offset: offset, count: bytes.count, size: limit)
    }
    var failure: FileError?
    unsafe bytes.withUnsafeBytes { buffer in
      do throws(FileError) { try unsafe write(buffer, at: offset) } catch { failure = error }
    }
    if let failure { throw failure }
  }

  private func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(FileError) {
    guard descriptor >= 0 else { throw .closed(path: path) }
    var done = 0
    while done < bytes.count {
      let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[done...])
      let written = unsafe pwrite(descriptor, rest.baseAddress, rest.count, off_t(offset + done))
      if written < 0 && errno == EINTR { continue }
      guard written > 0 else { throw failure("write") }
      done += written
    }
  }

  private func failure(_ operation: String) -> FileError {
    .system(operation: operation, path: path, errno: errno)
  }
}
