internal import TensorBytes

extension MetadataValue {
  /// The number of the type in the file.
  private var typeNumber: UInt16 {
    switch self {
    case .unsigned: 1
    case .double: 2
    case .boolean: 3
    case .string: 4
    case .unsignedList: 5
    case .doubleList: 6
    case .stringList: 7
    }
  }

  private var encoded: [UInt8] {
    var bytes: [UInt8] = []
    switch self {
    case .unsigned(let number): bytes.append(littleEndian: number)
    case .double(let number): bytes.append(littleEndian: number.bitPattern)
    case .boolean(let truth): bytes.append(truth ? 1 : 0)
    case .string(let text): bytes += text.utf8
    case .unsignedList(let numbers):
      for number in numbers { bytes.append(littleEndian: number) }
    case .doubleList(let numbers):
      for number in numbers { bytes.append(littleEndian: number.bitPattern) }
    case .stringList(let texts):
      for text in texts {
        bytes.append(littleEndian: UInt32(text.utf8.count))
        bytes += text.utf8
      }
    }
    return bytes
  }

  /// The entry of the file.
  fileprivate func entry(key: String) -> [UInt8] {
    let value = encoded
    var bytes: [UInt8] = []
    bytes.append(littleEndian: UInt16(key.utf8.count))
    bytes.append(littleEndian: typeNumber)
    bytes.append(littleEndian: UInt32(value.count))
    return bytes + key.utf8 + value
  }

  /// Whether every number is finite, as the format demands.
  fileprivate var isFinite: Bool {
    switch self {
    case .double(let number): number.isFinite
    case .doubleList(let numbers): numbers.allSatisfy(\.isFinite)
    default: true
    }
  }

  /// Reads a value of `count` bytes, all of which must belong to it; nil for an unknown type.
  fileprivate static func decode(
    type: UInt16, key: String, from bytes: [UInt8]
  ) throws(VarqDefect) -> MetadataValue? {
    var reader = ByteReader(bytes)
    let value: MetadataValue
    do throws(ByteReaderError) {
      switch type {
      case 1 where bytes.count == 8: value = .unsigned(try reader.read())
      case 2 where bytes.count == 8: value = .double(Double(bitPattern: try reader.read()))
      case 3 where bytes.count == 1 && bytes[0] <= 1: value = .boolean(bytes[0] == 1)
      case 4: value = .string(try reader.readUTF8(bytes.count))
      case 5 where bytes.count % 8 == 0:
        value = .unsignedList(
          try reader.readAll { reader throws(ByteReaderError) in try reader.read() })
      case 6 where bytes.count % 8 == 0:
        value = .doubleList(
          try reader.readAll { reader throws(ByteReaderError) in
            Double(bitPattern: try reader.read())
          })
      case 7:
        value = .stringList(
          try reader.readAll { reader throws(ByteReaderError) in
            try reader.readUTF8(Int(try reader.read(UInt32.self)))
          })
      case 1...3, 5, 6: throw .truncated(offset: 0, wanted: 0, available: 0)
      default: return nil
      }
    } catch {
      throw .metadataValue(key: key, expected: expectation(of: type))
    }
    guard value.isFinite else { throw .metadataValue(key: key, expected: expectation(of: type)) }
    return value
  }

  private static func expectation(of type: UInt16) -> String {
    switch type {
    case 1: "a u64 of 8 bytes"
    case 2: "a finite f64 of 8 bytes"
    case 3: "a bool, one byte 0 or 1"
    case 4: "UTF-8"
    case 5: "a list of u64 of 8 bytes each"
    case 6: "a list of finite f64 of 8 bytes each"
    default: "a list of UTF-8 strings"
    }
  }
}

extension ByteReader {
  fileprivate mutating func readAll<T>(
    _ element: (inout ByteReader) throws(ByteReaderError) -> T
  ) throws(ByteReaderError) -> [T] {
    var elements: [T] = []
    while remaining > 0 { elements.append(try element(&self)) }
    return elements
  }
}

extension Metadata {
  /// The metadata section of a file.
  /// - Throws: ``VarqDefect`` for a key or number that the format does not allow.
  package func encoded() throws(VarqDefect) -> [UInt8] {
    var bytes: [UInt8] = []
    for key in keys {
      guard let value = values[key] else { continue }
      guard Self.isKey(key) else { throw .metadataKey(offset: bytes.count) }
      guard value.isFinite else { throw .metadataValue(key: key, expected: "finite") }
      bytes += value.entry(key: key)
    }
    return bytes
  }

  /// Reads `count` entries, which must fill the reader.
  init(from reader: inout ByteReader, count: Int) throws(VarqDefect) {
    self.init()
    var previous = ""
    for _ in 0..<count {
      let start = reader.offset
      let (key, type, bytes) = try Self.readEntry(&reader)
      guard Self.isKey(key) else { throw .metadataKey(offset: start) }
      guard previous.utf8.lexicographicallyPrecedes(key.utf8) else {
        throw .metadataOrder(key: key, after: previous)
      }
      previous = key
      values[key] = try MetadataValue.decode(type: type, key: key, from: bytes)
    }
    if reader.remaining > 0 {
      throw .unusedBytes(section: "metadata", offset: reader.offset, count: reader.remaining)
    }
  }

  private static func readEntry(_ reader: inout ByteReader) throws(VarqDefect)
    -> (key: String, type: UInt16, value: [UInt8])
  {
    do throws(ByteReaderError) {
      let length = try reader.read(UInt16.self)
      let type = try reader.read(UInt16.self)
      let size = try reader.read(UInt32.self)
      return (try reader.readUTF8(Int(length)), type, try reader.readBytes(Int(size)))
    } catch {
      throw .entry(error)
    }
  }

  /// Whether the format allows a key.
  package static func isKey(_ key: String) -> Bool {
    (1...VarqLayout.maximumKeyLength).contains(key.utf8.count)
      && key.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
          UInt8(ascii: "_"), UInt8(ascii: "."):
          true
        default: false
        }
      }
  }
}
