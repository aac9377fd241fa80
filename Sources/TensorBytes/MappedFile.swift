internal import CTemporaries
internal import Platform

/// A file mapped into memory, read-only, for as long as this object lives.
///
/// Opening costs no reading and no copy; pages come in as they are touched. An empty file is legal
/// and has no bytes. What is mapped is the size at opening: a file that another process shortens
/// afterwards raises SIGBUS on access to the missing part, as with every mapped file; programs turn
/// that into a message (`mapped_files_explain_signals`). (Our own programs replace files by renaming,
/// which leaves open mappings whole.)
@safe package final class MappedFile: Sendable {
  /// The path as it was given.
  package let path: String
  /// The size in bytes.
  package let count: Int
  // Sendable: written once in init, unmapped in deinit, and the pages are read-only.
  // Nil for an empty file.
  private nonisolated(unsafe) let base: UnsafeRawPointer?
  /// Its number among the mapped files that the handler of SIGBUS knows.
  private let number: Int32
  /// Whether the bytes are of a file, and not a copy in memory.
  private let isMapped: Bool

  /// Maps a file.
  /// - Throws: ``FileError`` with path and reason.
  package convenience init(_ path: String) throws(FileError) {
    // O_NONBLOCK: opening a named pipe must fail below instead of waiting for a writer.
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw .system(operation: "open", path: path, errno: errno) }
    defer { close(descriptor) }
    try self.init(descriptor: descriptor, path)
  }

  /// Maps an open file, which may be closed afterwards and need not have a name.
  init(descriptor: Int32, _ path: String) throws(FileError) {
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0 else {
      throw .system(operation: "examine", path: path, errno: errno)
    }
    guard status.st_mode & S_IFMT == S_IFREG else { throw .notRegularFile(path: path) }
    self.path = path
    self.count = Int(status.st_size)
    isMapped = true
    guard count > 0 else {
      unsafe base = nil
      number = -1
      return
    }
    let address = unsafe mmap(nil, count, PROT_READ, MAP_SHARED, descriptor, 0)
    guard let address = unsafe address, unsafe address != MAP_FAILED else {
      throw .system(operation: "map", path: path, errno: errno)
    }
    unsafe base = UnsafeRawPointer(address)
    number = unsafe mapped_files_add(address, count, path.printable(limit: 1000))
  }

  /// Bytes in memory in a file's place: what a pipe has brought, or what a fuzzer has thought up, where
  /// AddressSanitizer then sees every access outside them.
  package init(_ bytes: [UInt8], named path: String) {
    self.path = path
    count = bytes.count
    number = -1
    isMapped = false
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 64)
    unsafe copy.copyBytes(from: bytes)
    unsafe base = UnsafeRawPointer(copy.baseAddress)
  }

  deinit {
    mapped_files_forget(number)
    guard let base = unsafe base else { return }
    if isMapped {
      unsafe munmap(UnsafeMutableRawPointer(mutating: base), count)
    } else {
      unsafe base.deallocate()
    }
  }

  /// Lends the bytes of a range.
  /// - Throws: ``FileError/outOfBounds(path:offset:count:size:)``, and what `body` throws.
  package func withBytes<R>(
    in range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws -> R
  ) throws -> R {
    try withExtendedLifetime(self) { try unsafe body(unsafeBytes(in: range)) }
  }

  /// The bytes of a range, valid only while this object is alive: the caller must hold it.
  /// - Throws: ``FileError/outOfBounds(path:offset:count:size:)``.
  @unsafe package func unsafeBytes(in range: Range<Int>) throws(FileError) -> UnsafeRawBufferPointer
  {
    try check(range)
    return unsafe UnsafeRawBufferPointer(
      start: base.map { unsafe $0 + range.lowerBound }, count: range.count)
  }

  /// Lets the system take back the whole pages within a range; they are read again when touched.
  package func release(_ range: Range<Int>) {
    let page = Self.pageSize
    let start = (max(0, range.lowerBound) + page - 1) / page * page
    // The last page of the file counts as whole: nothing else lies in it.
    let end = range.upperBound >= count ? count : range.upperBound / page * page
    advise(start, end, MADV_DONTNEED)
  }

  /// Asks the system to read a range ahead.
  package func willNeed(_ range: Range<Int>) {
    let page = Self.pageSize
    advise(max(0, range.lowerBound) / page * page, min(count, range.upperBound), MADV_WILLNEED)
  }

  /// Tells the system that the file is read from front to back.
  package func adviseSequential() { advise(0, count, MADV_SEQUENTIAL) }

  private func check(_ range: Range<Int>) throws(FileError) {
    guard range.lowerBound >= 0, range.upperBound <= count else {
      // No trap on `range.count`, which overflows where the bounds are far apart.
      let (length, overflow) = range.upperBound.subtractingReportingOverflow(range.lowerBound)
      throw .outOfBounds(
        path: path, offset: range.lowerBound, count: overflow ? .max : length, size: count)
    }
  }

  /// Advice may be refused without harm, so the result is not looked at.
  private func advise(_ start: Int, _ end: Int, _ advice: Int32) {
    guard isMapped, start < end, let base = unsafe base else { return }
    _ = unsafe madvise(UnsafeMutableRawPointer(mutating: base + start), end - start, advice)
  }

  private static let pageSize = max(4096, sysconf(Int32(_SC_PAGESIZE)))
}
