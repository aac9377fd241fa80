internal import CDeflate

/// The CRC-32 of zip archives (ISO 3309).
package enum CRC32 {
  /// The checksum of bytes behind those that gave `previous`; 0 at the beginning.
  package static func checksum(
    _ bytes: UnsafeRawBufferPointer, continuing previous: UInt32
  ) -> UInt32 {
    // Without an address the library would begin anew.
    guard let start = bytes.baseAddress else { return previous }
    return unsafe libdeflate_crc32(previous, start, bytes.count)
  }
}
