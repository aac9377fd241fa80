import Foundation

/// Archives for tests, of entries that are stored or deflated.
enum StoredZip {
  struct Content {
    let bytes: [UInt8]
    let size: Int
    var isDeflated = false

    static func stored(_ bytes: [UInt8]) -> Content { Content(bytes: bytes, size: bytes.count) }

    /// So many zeros, deflated by hand at 159 : 1.
    static func zeros(_ count: Int) -> Content {
      // One block of fixed codes: a literal 0, then matches of length 258 and distance 1.
      var bits = BitWriter()
      bits.write(0b011, 3)
      bits.code(0x30, 8)
      var left = count - 1
      while left >= 258 {
        bits.code(0xC5, 8)
        bits.code(0, 5)
        left -= 258
      }
      for _ in 0..<left { bits.code(0x30, 8) }
      bits.code(0, 7)
      return Content(bytes: bits.bytes, size: count, isDeflated: true)
    }
  }

  static func archive(_ entries: [(name: String, content: Content)]) -> [UInt8] {
    var bytes: [UInt8] = []
    var directory: [UInt8] = []
    for (name, content) in entries {
      let offset = bytes.count
      let method: UInt16 = content.isDeflated ? 8 : 0
      let facts =
        little(UInt16(20)) + little(UInt16(0)) + little(method) + little(UInt32(0))
        + little(UInt32(0)) + little(UInt32(content.bytes.count)) + little(UInt32(content.size))
        + little(UInt16(name.utf8.count)) + little(UInt16(0))
      bytes += little(UInt32(0x0403_4B50)) + facts + Array(name.utf8) + content.bytes
      directory += little(UInt32(0x0201_4B50)) + little(UInt16(20)) + facts
      directory += [UInt8](repeating: 0, count: 10) + little(UInt32(offset)) + Array(name.utf8)
    }
    let count = little(UInt16(entries.count))
    let end = little(UInt32(0x0605_4B50)) + little(UInt32(0)) + count + count
    return bytes + directory + end + little(UInt32(directory.count)) + little(UInt32(bytes.count))
      + little(UInt16(0))
  }

  private static func little<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
    (0..<MemoryLayout<T>.size).map { UInt8(truncatingIfNeeded: value >> T(8 * $0)) }
  }
}

/// Bits as deflate packs them, the least significant first.
private struct BitWriter {
  private(set) var bytes: [UInt8] = []
  private var filled = 0

  mutating func write(_ value: Int, _ count: Int) {
    for bit in 0..<count {
      if filled % 8 == 0 { bytes.append(0) }
      if value >> bit & 1 == 1 { bytes[bytes.count - 1] |= 1 << UInt8(filled % 8) }
      filled += 1
    }
  }

  /// A Huffman code, the most significant bit first.
  mutating func code(_ value: Int, _ count: Int) {
    for bit in (0..<count).reversed() { write(value >> bit & 1, 1) }
  }
}
