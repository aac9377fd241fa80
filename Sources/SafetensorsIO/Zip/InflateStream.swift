internal import CZlib
internal import TensorBytes

/// Inflates an entry from front to back, as many bytes at a time as are wanted.
@safe final class InflateStream {
  /// Bytes that were handed out.
  private(set) var position = 0
  private let file: MappedFile
  private let entry: ZipEntry
  // On the heap: zlib keeps its address.
  private let stream: UnsafeMutablePointer<z_stream>
  private var consumed = 0
  private var checksum: UInt32 = 0
  private var status = Z_OK

  /// Bytes of the file that are given to zlib at a time.
  private static let inputSize = 1 << 20

  /// Begins at the front.
  init(_ file: MappedFile, _ entry: ZipEntry) throws(StorageError) {
    self.file = file
    self.entry = entry
    unsafe stream = .allocate(capacity: 1)
    unsafe stream.initialize(to: unsafe z_stream())
    // Negative: raw deflate, without zlib's own header.
    let size = unsafe Int32(MemoryLayout<z_stream>.size)
    let version = unsafe zlibVersion()
    guard unsafe inflateInit2_(stream, -15, version, size) == Z_OK else {
      throw .inflate("zlib could not begin")
    }
  }

  deinit {
    unsafe inflateEnd(stream)
    unsafe stream.deallocate()
  }

  /// Fills `target` with the next bytes; with the last ones the end and the CRC-32 are checked.
  /// - Throws: `StorageError`, `FileError`.
  func read(into target: UnsafeMutableRawBufferPointer) throws {
    var produced = 0
    while produced < target.count {
      // zlib counts in 32 bits.
      let room = min(target.count - produced, 1 << 30)
      let made = try unsafe step(target.baseAddress.map { unsafe $0 + produced }, room)
      produced += made
      guard made > 0 || status == Z_OK else {
        throw StorageError.inflate("\(position + produced) bytes instead of \(entry.size)")
      }
    }
    checksum = unsafe CRC32.checksum(UnsafeRawBufferPointer(target), continuing: checksum)
    position += produced
    if position == entry.size { try finish() }
  }

  /// One call of zlib: bytes that it made.
  private func step(_ target: UnsafeMutableRawPointer?, _ room: Int) throws -> Int {
    guard status == Z_OK else { return 0 }
    let start = entry.range.lowerBound + consumed
    let range = start..<min(start + Self.inputSize, entry.range.upperBound)
    let made = try unsafe file.withBytes(in: range) { source in
      let from = unsafe source.baseAddress?.assumingMemoryBound(to: UInt8.self)
      unsafe stream.pointee.next_in = unsafe UnsafeMutablePointer(mutating: from)
      unsafe stream.pointee.avail_in = UInt32(source.count)
      unsafe stream.pointee.next_out = target?.assumingMemoryBound(to: UInt8.self)
      unsafe stream.pointee.avail_out = UInt32(room)
      status = unsafe inflate(stream, Z_NO_FLUSH)
      consumed += unsafe source.count - Int(stream.pointee.avail_in)
      return unsafe room - Int(stream.pointee.avail_out)
    }
    if consumed == range.upperBound - entry.range.lowerBound { file.release(range) }
    guard status == Z_OK || status == Z_STREAM_END else {
      throw StorageError.inflate("zlib status \(status)")
    }
    return made
  }

  /// The stream must end where the entry does, and have its CRC-32.
  private func finish() throws {
    var extra: UInt8 = 0
    while status == Z_OK {
      let before = consumed
      let made = try unsafe withUnsafeMutableBytes(of: &extra) {
        try unsafe step($0.baseAddress, 1)
      }
      guard made == 0, status == Z_STREAM_END || consumed > before else {
        throw StorageError.inflate("more than \(entry.size) bytes")
      }
    }
    guard consumed == entry.range.count else {
      throw StorageError.inflate("\(consumed) bytes of \(entry.range.count) were used")
    }
    guard let expected = entry.checksum, expected != checksum else { return }
    throw StorageError.checksum(expected: expected, actual: checksum)
  }
}
