internal import CZlib
internal import TensorBytes

/// Deflate (RFC 1951) and CRC-32, by zlib.
enum Inflater {
  /// The content of a deflated entry, which must have exactly the size that its entry says.
  static func inflate(_ file: MappedFile, _ entry: ZipEntry) throws -> HeapBytes {
    let content = try HeapBytes(count: entry.size)
    try unsafe file.withBytes(in: entry.range) { source in
      try unsafe inflate(source, into: content.mutableBytes)
    }
    return content
  }

  private static func inflate(
    _ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer
  ) throws(StorageError) {
    var stream = unsafe z_stream()
    let size = unsafe Int32(MemoryLayout<z_stream>.size)
    // Negative: raw deflate, without zlib's own header.
    guard unsafe inflateInit2_(&stream, -15, zlibVersion(), size) == Z_OK else {
      throw .inflate("zlib could not begin")
    }
    defer { _ = unsafe inflateEnd(&stream) }
    var consumed = 0
    var produced = 0
    var status = Z_OK
    while status == Z_OK {
      // zlib counts in 32 bits.
      let input = min(source.count - consumed, 1 << 30)
      let output = min(target.count - produced, 1 << 30)
      let from = unsafe source.baseAddress.map { unsafe UnsafeMutableRawPointer(mutating: $0) }
      unsafe stream.next_in = unsafe from.map {
        unsafe ($0 + consumed).assumingMemoryBound(to: UInt8.self)
      }
      unsafe stream.avail_in = UInt32(input)
      unsafe stream.next_out = unsafe target.baseAddress.map {
        unsafe ($0 + produced).assumingMemoryBound(to: UInt8.self)
      }
      unsafe stream.avail_out = UInt32(output)
      status = unsafe CZlib.inflate(&stream, Z_NO_FLUSH)
      consumed += unsafe input - Int(stream.avail_in)
      produced += unsafe output - Int(stream.avail_out)
    }
    guard status == Z_STREAM_END else { throw .inflate("zlib status \(status)") }
    guard produced == target.count, consumed == source.count else {
      throw .inflate("\(produced) bytes instead of \(target.count)")
    }
  }

  /// Checks the CRC-32 of a content, where the archive has one.
  static func verify(
    _ bytes: UnsafeRawBufferPointer, _ expected: UInt32?
  ) throws(StorageError) {
    guard let expected else { return }
    let actual = unsafe checksum(bytes, continuing: 0)
    guard actual == expected else { throw .checksum(expected: expected, actual: actual) }
  }

  /// The CRC-32 of bytes behind those that gave `previous`.
  static func checksum(_ bytes: UnsafeRawBufferPointer, continuing previous: UInt32) -> UInt32 {
    // Without an address zlib would begin anew.
    guard let start = bytes.baseAddress else { return previous }
    let first = unsafe start.assumingMemoryBound(to: UInt8.self)
    return unsafe UInt32(truncatingIfNeeded: crc32_z(UInt(previous), first, bytes.count))
  }
}
