package import TensorBytes

/// Writes an `.npz` file: a zip archive of `.npy` members that are stored, not deflated, as NumPy's
/// `savez` does it.
///
/// Sizes are given in 64 bits (ZIP64) whatever they are. Each member streams through; it is in memory
/// by pieces alone.
package final class NumPyArchive {
  /// The element types of a member, and how NumPy names them.
  package enum Element: String, Sendable {
    case u8 = "|u1"
    case i64 = "<i8"

    var byteWidth: Int { self == .u8 ? 1 : 8 }
  }

  private struct Member {
    let name: [UInt8]
    let start: Int
    let dataStart: Int
    let size: Int
    var checksum: UInt32 = 0
  }

  private let output: AtomicFileWriter
  private var members: [Member] = []
  private var written = 0

  /// Begins an archive.
  package init(_ file: OutputFile) throws { output = try AtomicFileWriter(file) }

  /// Begins a member: an array of this shape, in C order.
  package func begin(_ name: String, _ element: Element, shape: [Int]) throws {
    endMember()
    let header = Self.header(element, shape)
    let size = header.count + shape.reduce(element.byteWidth, *)
    let start = output.count
    try output.append(Self.local(Array((name + ".npy").utf8), size))
    members.append(
      Member(
        name: Array((name + ".npy").utf8), start: start, dataStart: output.count, size: size))
    written = 0
    try unsafe header.withUnsafeBytes { try unsafe append($0) }
  }

  /// Adds bytes of the member's elements.
  package func append(_ bytes: UnsafeRawBufferPointer) throws {
    precondition(!members.isEmpty && bytes.count <= members[members.count - 1].size - written)
    let last = members.count - 1
    members[last].checksum = unsafe CRC32.checksum(
      bytes, continuing: members[last].checksum)
    try unsafe output.append(bytes)
    written += bytes.count
  }

  /// Writes the directory, and gives the file its name.
  package func finish() throws {
    endMember()
    let start = output.count
    for member in members {
      // The checksum of the local header was not known when it was written.
      try output.overwrite(Self.bytes(member.checksum), at: member.start + 14)
      try output.append(Self.entry(member))
    }
    try output.append(
      Self.end(count: members.count, start: start, size: output.count - start))
    try output.commit()
  }

  private func endMember() {
    precondition(members.last.map { $0.size == written } ?? true, "a member without all its bytes")
  }

  /// The head of an `.npy` file, version 1.0; the data begin at a multiple of 64.
  private static func header(_ element: Element, _ shape: [Int]) -> [UInt8] {
    let dimensions = shape.map { "\($0)," }.joined(separator: " ")
    let tuple = shape.count == 1 ? "(\(dimensions))" : "(\(dimensions.dropLast()))"
    let text =
      "{'descr': '\(element.rawValue)', 'fortran_order': False, 'shape': \(tuple), }"
    let length = (10 + text.utf8.count + 1 + 63) / 64 * 64
    let padding = String(repeating: " ", count: length - 10 - text.utf8.count - 1)
    return [0x93] + Array("NUMPY".utf8) + [1, 0] + bytes(UInt16(length - 10))
      + Array((text + padding + "\n").utf8)
  }

  /// 1 January 1980, the first day of zip: the same arrays give the same bytes.
  private static let date: [UInt8] = [0, 0, 0x21, 0]
  private static let version: UInt16 = 45

  private static func local(_ name: [UInt8], _ size: Int) -> [UInt8] {
    // Signature, version, flags, stored, date; the checksum comes later, the sizes are in the extra field.
    Array("PK\u{3}\u{4}".utf8) + bytes(version) + bytes(UInt16(0)) + bytes(UInt16(0)) + date
      + bytes(UInt32(0)) + bytes(UInt32.max) + bytes(UInt32.max)
      + bytes(UInt16(name.count)) + bytes(UInt16(20)) + name
      + bytes(UInt16(1)) + bytes(UInt16(16)) + bytes(UInt64(size)) + bytes(UInt64(size))
  }

  private static func entry(_ member: Member) -> [UInt8] {
    var entry = Array("PK\u{1}\u{2}".utf8) + bytes(version) + bytes(version)
    entry += bytes(UInt16(0)) + bytes(UInt16(0)) + date + bytes(member.checksum)
    entry += bytes(UInt32.max) + bytes(UInt32.max)
    entry += bytes(UInt16(member.name.count)) + bytes(UInt16(28)) + bytes(UInt16(0))
    entry += bytes(UInt16(0)) + bytes(UInt16(0)) + bytes(UInt32(0)) + bytes(UInt32.max)
    entry += member.name + bytes(UInt16(1)) + bytes(UInt16(24))
    entry += bytes(UInt64(member.size)) + bytes(UInt64(member.size)) + bytes(UInt64(member.start))
    return entry
  }

  /// ZIP64's end of the directory, its locator, and the old end.
  private static func end(count: Int, start: Int, size: Int) -> [UInt8] {
    var end = Array("PK\u{6}\u{6}".utf8) + bytes(UInt64(44)) + bytes(version) + bytes(version)
    end += bytes(UInt32(0)) + bytes(UInt32(0)) + bytes(UInt64(count)) + bytes(UInt64(count))
    end += bytes(UInt64(size)) + bytes(UInt64(start))
    end += Array("PK\u{6}\u{7}".utf8) + bytes(UInt32(0)) + bytes(UInt64(start + size))
    end += bytes(UInt32(1))
    end += Array("PK\u{5}\u{6}".utf8) + bytes(UInt16(0)) + bytes(UInt16(0))
    end += bytes(UInt16.max) + bytes(UInt16.max) + bytes(UInt32.max) + bytes(UInt32.max)
    return end + bytes(UInt16(0))
  }

  private static func bytes(_ number: some FixedWidthInteger) -> [UInt8] {
    (0..<number.bitWidth / 8).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
  }
}
