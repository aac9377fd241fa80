internal import TensorBytes

/// Name, format and shape of a tensor that is to be written.
package struct TensorPlan: Equatable, Sendable {
  /// Its name, 1 to 512 bytes of UTF-8.
  package let name: String
  /// How its elements will be stored.
  package let format: TensorFormat
  /// Its dimensions, the slowest first.
  package let shape: [Int]

  /// Plans a tensor; ``VarqWriter`` checks it.
  package init(name: String, format: TensorFormat, shape: [Int]) {
    self.name = name
    self.format = format
    self.shape = shape
  }
}

/// The numbers of `formats/varq-v1.md`.
enum VarqLayout {
  static let magic: [UInt8] = [0x89, 0x56, 0x41, 0x52, 0x51, 0x0D, 0x0A, 0x1A]
  static let majorVersion = 1
  /// What a file needs that uses nothing newer: every reader of version 1 takes it.
  static let firstMinorVersion = 0
  /// What a file has that uses the formats of fewer than 8 bits.
  static let minorVersion = 1
  static let headerSize = 96
  /// Where the header's checksum stands; it covers what is before it.
  static let checksumOffset = 64
  static let maximumSectionSize: UInt64 = 1 << 26
  static let maximumEntries: UInt64 = 1 << 20
  static let maximumRank: UInt32 = 8
  static let maximumNameLength = 512
  static let maximumKeyLength = 255
  /// Tensors of this size or more begin on a page.
  static let pageThreshold = 65_536
  static let pageAlignment = 4096
  static let cacheLineAlignment = 64

  /// Where a tensor begins if what stands before it ends at `end`.
  static func offset(after end: Int, byteCount: Int) -> Int {
    let alignment = byteCount >= pageThreshold ? pageAlignment : cacheLineAlignment
    return (end + alignment - 1) & ~(alignment - 1)
  }

  /// The bytes of an entry of the tensor table.
  static func tableEntrySize(name: String, rank: Int) -> Int {
    2 + 2 + 4 + 8 * rank + 8 + 8 + 32 + name.utf8.count
  }

  /// The size in bytes of a tensor whose shape the format allows, otherwise nil.
  static func byteCount(_ shape: [Int], _ format: TensorFormat) -> Int? {
    guard shape.count <= Int(maximumRank), shape.allSatisfy({ $0 >= 1 }),
      let count = try? Checked.product(of: shape), count <= TensorFormat.maximumElements,
      format.suits(shape: shape)
    else { return nil }
    return format.byteCount(shape: shape)
  }
}

extension [UInt8] {
  /// Adds an integer, little-endian.
  mutating func append(littleEndian value: some FixedWidthInteger) {
    for shift in stride(from: 0, to: value.bitWidth, by: 8) {
      append(UInt8(truncatingIfNeeded: value >> shift))
    }
  }
}
