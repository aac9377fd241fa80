/// Bytes that a reader wanted were not there, or were not what they must be.
package enum ByteReaderError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The input ends too early: where reading began, bytes wanted, bytes left.
  case truncated(offset: Int, wanted: Int, available: Int)
  /// Text is not UTF-8.
  case invalidUTF8(offset: Int)
  /// A size is beyond what an `Int` holds.
  case sizeTooLarge(offset: Int, value: UInt64)

  /// The message for the user.
  package var description: String {
    switch self {
    case .truncated(let offset, let wanted, let available):
      "the data ends too early: \(wanted) bytes wanted at offset \(offset), \(available) left"
    case .invalidUTF8(let offset):
      "the text at offset \(offset) is not UTF-8"
    case .sizeTooLarge(let offset, let value):
      "the size \(value) at offset \(offset) is too large"
    }
  }
}

/// Reads little-endian numbers from bytes that it keeps alive; every access is checked.
///
/// Offsets, in errors too, count from the start of the file (or of the array).
@safe package struct ByteReader {
  private let owner: AnyObject
  private let bytes: UnsafeRawBufferPointer
  private let base: Int
  private var position = 0

  /// Reads a range of a mapped file.
  /// - Parameter base: the ``offset`` of its first byte; where it lies in the file by default.
  /// - Throws: ``FileError/outOfBounds(path:offset:count:size:)``.
  package init(
    _ file: MappedFile, in range: Range<Int>, countingFrom base: Int? = nil
  ) throws(FileError) {
    unsafe self.bytes = try file.unsafeBytes(in: range)
    self.owner = file
    self.base = base ?? range.lowerBound
  }

  /// Reads bytes that live as long as `owner`.
  @unsafe package init(owner: AnyObject, _ bytes: UnsafeRawBufferPointer) {
    unsafe self.bytes = bytes
    self.owner = owner
    self.base = 0
  }

  /// Reads an array.
  package init(_ array: [UInt8]) {
    let copy = OwnedBytes(array)
    unsafe self.bytes = UnsafeRawBufferPointer(copy.buffer)
    self.owner = copy
    self.base = 0
  }

  /// Where the next read begins.
  package var offset: Int { base + position }
  /// Bytes left.
  package var remaining: Int { unsafe bytes.count - position }

  /// The next integer, little-endian.
  package mutating func read<T: FixedWidthInteger & BitwiseCopyable>(
    _ type: T.Type = T.self
  ) throws(ByteReaderError) -> T {
    let start = try advance(by: MemoryLayout<T>.size)
    return unsafe T(littleEndian: bytes.loadUnaligned(fromByteOffset: start, as: T.self))
  }

  /// The next unsigned 64-bit number as a size.
  package mutating func readSize() throws(ByteReaderError) -> Int {
    let start = offset
    let value = try read(UInt64.self)
    guard let size = Int(exactly: value) else {
      throw .sizeTooLarge(offset: start, value: value)
    }
    return size
  }

  /// The next `count` bytes.
  package mutating func readBytes(_ count: Int) throws(ByteReaderError) -> [UInt8] {
    let start = try advance(by: count)
    return unsafe Array(bytes[start..<start + count])
  }

  /// The next `count` bytes as text.
  package mutating func readUTF8(_ count: Int) throws(ByteReaderError) -> String {
    let start = offset
    let text = try readBytes(count)
    guard let string = String(validating: text, as: UTF8.self) else {
      throw .invalidUTF8(offset: start)
    }
    return string
  }

  /// The bytes up to `terminator`, which is consumed but not returned.
  package mutating func readBytes(until terminator: UInt8) throws(ByteReaderError) -> [UInt8] {
    var end = position
    while unsafe end < bytes.count && bytes[end] != terminator { end += 1 }
    guard unsafe end < bytes.count else {
      throw .truncated(offset: offset, wanted: remaining + 1, available: remaining)
    }
    let text = try readBytes(end - position)
    position += 1
    return text
  }

  /// Leaves out `count` bytes.
  package mutating func skip(_ count: Int) throws(ByteReaderError) {
    _ = try advance(by: count)
  }

  /// Continues at an absolute offset, in the sense of ``offset``.
  package mutating func seek(to newOffset: Int) throws(ByteReaderError) {
    let (relative, overflow) = newOffset.subtractingReportingOverflow(base)
    guard !overflow, relative >= 0, unsafe relative <= bytes.count else {
      throw .truncated(offset: newOffset, wanted: 1, available: 0)
    }
    position = relative
  }

  /// Moves over `count` bytes and returns where they begin within `bytes`.
  private mutating func advance(by count: Int) throws(ByteReaderError) -> Int {
    guard count >= 0, count <= remaining else {
      throw .truncated(offset: offset, wanted: count, available: remaining)
    }
    defer { position += count }
    return position
  }
}

/// A heap copy of bytes with a stable address.
@safe private final class OwnedBytes {
  let buffer: UnsafeMutableRawBufferPointer

  init(_ array: [UInt8]) {
    unsafe buffer = .allocate(byteCount: array.count, alignment: 16)
    unsafe buffer.copyBytes(from: array)
  }

  deinit { unsafe buffer.deallocate() }
}
