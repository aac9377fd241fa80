internal import TensorBytes

/// What an archive's entries are made of: deflate (RFC 1951) and CRC-32.
enum Inflater {
  /// What inflating a byte costs in steps of the budget.
  static let byteSteps = 2

  /// The content of a deflated entry, which must have exactly the size that its entry says.
  static func inflate(_ file: MappedFile, _ entry: ZipEntry) throws -> HeapBytes {
    let content = try HeapBytes(count: entry.size)
    try unsafe InflateStream(file, entry).read(into: content.mutableBytes)
    return content
  }

  /// Checks the CRC-32 of a content, where the archive has one.
  static func verify(
    _ bytes: UnsafeRawBufferPointer, _ expected: UInt32?
  ) throws(StorageError) {
    guard let expected else { return }
    let actual = unsafe CRC32.checksum(bytes, continuing: 0)
    guard actual == expected else { throw .checksum(expected: expected, actual: actual) }
  }
}
