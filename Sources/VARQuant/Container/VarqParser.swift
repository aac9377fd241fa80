internal import TensorBytes

/// Reads and validates header, metadata and tensor table, in this order.
///
/// Errors are ``VarqDefect`` and, where an entry is cut off, `ByteReaderError`; every number of the
/// file is checked before it is used.
struct VarqParser {
  let minorVersion: Int
  let checksum: [UInt8]
  private let file: MappedFile
  private let entryCount: Int
  private let tensorCount: Int
  private let metadataRange: Range<Int>
  private let tableRange: Range<Int>
  /// The end of the tensor table.
  var dataStart: Int { tableRange.upperBound }

  /// Reads the header and checks version, size and checksum.
  init(_ file: MappedFile) throws {
    self.file = file
    guard Self.hasMagic(file) else { throw VarqDefect.notVarq }
    var header = ByteReader(try Self.read(file, VarqLayout.headerSize))
    try header.skip(VarqLayout.magic.count)
    let major = Int(try header.read(UInt16.self))
    minorVersion = Int(try header.read(UInt16.self))
    guard major == VarqLayout.majorVersion else {
      throw VarqDefect.unsupportedVersion(major: major, minor: minorVersion)
    }
    guard header.remaining == VarqLayout.headerSize - 12 else {
      throw VarqDefect.entry(
        .truncated(offset: 0, wanted: VarqLayout.headerSize, available: file.count))
    }
    entryCount = try Self.readCount(&header, "the number of metadata entries")
    tensorCount = try Self.readCount(&header, "the number of tensors")
    try header.skip(4)
    let declared = try header.read(UInt64.self)
    guard declared == UInt64(file.count) else {
      throw VarqDefect.fileSize(declared: declared, actual: file.count)
    }
    metadataRange = try Self.readSection(
      &header, "the metadata's size", VarqLayout.headerSize, file)
    tableRange = try Self.readSection(&header, "the table's size", metadataRange.upperBound, file)
    try header.skip(16)
    checksum = try header.readBytes(32)
    try checkChecksum()
  }

  /// Whether the file begins with the magic.
  static func hasMagic(_ file: MappedFile) -> Bool {
    (try? read(file, VarqLayout.magic.count)) == VarqLayout.magic
  }

  /// At most `count` bytes from the start.
  private static func read(_ file: MappedFile, _ count: Int) throws -> [UInt8] {
    var reader = try ByteReader(file, in: 0..<min(count, file.count))
    return try reader.readBytes(reader.remaining)
  }

  private static func readCount(_ header: inout ByteReader, _ name: String) throws -> Int {
    let value = UInt64(try header.read(UInt32.self))
    guard value <= VarqLayout.maximumEntries else {
      throw VarqDefect.headerField(name: name, value: value, limit: VarqLayout.maximumEntries)
    }
    return Int(value)
  }

  private static func readSection(
    _ header: inout ByteReader, _ name: String, _ start: Int, _ file: MappedFile
  ) throws -> Range<Int> {
    let size = try header.read(UInt64.self)
    let limit = min(VarqLayout.maximumSectionSize, UInt64(max(0, file.count - start)))
    guard size <= limit else {
      throw VarqDefect.headerField(name: name, value: size, limit: limit)
    }
    return start..<start + Int(size)
  }

  private func checkChecksum() throws {
    let digest = try SHA256Digest()
    try digest.update(Self.read(file, VarqLayout.checksumOffset))
    try unsafe file.withBytes(in: metadataRange.lowerBound..<tableRange.upperBound) {
      try unsafe digest.update($0)
    }
    let actual = try digest.finalize()
    guard actual == checksum else {
      throw VarqDefect.headerChecksum(
        expected: SHA256Digest.hex(checksum), actual: SHA256Digest.hex(actual))
    }
  }

  /// Reads the metadata.
  func readMetadata() throws -> Metadata {
    var reader = try ByteReader(file, in: metadataRange)
    return try Metadata(from: &reader, count: entryCount)
  }

  /// Reads the tensor table; every tensor must lie exactly where the layout puts it.
  func readTensors() throws -> [VarqTensor] {
    var reader = try ByteReader(file, in: tableRange)
    var tensors: [VarqTensor] = []
    var end = tableRange.upperBound
    for _ in 0..<tensorCount {
      let tensor = try TableEntry(from: &reader).tensor(in: file, after: end)
      end = tensor.bytes.upperBound
      tensors.append(tensor)
    }
    if reader.remaining > 0 {
      throw VarqDefect.unusedBytes(
        section: "tensor table", offset: reader.offset, count: reader.remaining)
    }
    guard end == file.count else { throw VarqDefect.dataEnd(expected: end, actual: file.count) }
    return tensors
  }

  /// The place of every name in the table.
  static func indices(of tensors: [VarqTensor]) throws(VarqDefect) -> [ByteKey: Int] {
    var indices: [ByteKey: Int] = [:]
    for (index, tensor) in tensors.enumerated() {
      if indices.updateValue(index, forKey: ByteKey(tensor.name)) != nil {
        throw .duplicateTensor(name: tensor.name)
      }
    }
    return indices
  }
}

/// An entry of the tensor table as it stands in the file.
private struct TableEntry {
  let name: String
  let format: TensorFormat
  let shape: [UInt64]
  let offset: UInt64
  let byteCount: UInt64
  let checksum: [UInt8]

  init(from reader: inout ByteReader) throws {
    let start = reader.offset
    let length = Int(try reader.read(UInt16.self))
    let id = try reader.read(UInt16.self)
    let rank = try reader.read(UInt32.self)
    guard (1...VarqLayout.maximumNameLength).contains(length) else {
      throw VarqDefect.tensorName(offset: start, length: length)
    }
    // A rank beyond the limit cannot be skipped; the name, for the message, would come after it.
    guard rank <= VarqLayout.maximumRank else {
      throw VarqDefect.rank(tensor: "at offset \(start)", rank: rank)
    }
    var shape: [UInt64] = []
    for _ in 0..<rank { shape.append(try reader.read()) }
    self.shape = shape
    offset = try reader.read()
    byteCount = try reader.read()
    checksum = try reader.readBytes(32)
    name = try reader.readUTF8(length)
    guard let format = TensorFormat(id: id) else {
      throw VarqDefect.unknownFormat(tensor: name, id: Int(id))
    }
    self.format = format
  }

  /// The tensor, which must lie within the file at the first place after `end` that its size allows.
  func tensor(in file: MappedFile, after end: Int) throws -> VarqTensor {
    let dimensions = shape.map { Int(exactly: $0) ?? 0 }
    guard let expected = VarqLayout.byteCount(dimensions, format) else {
      throw VarqDefect.shape(tensor: name, shape: shape, format: format)
    }
    guard byteCount == UInt64(expected) else {
      throw VarqDefect.byteCount(tensor: name, expected: UInt64(expected), actual: byteCount)
    }
    let place = VarqLayout.offset(after: end, byteCount: expected)
    guard offset == UInt64(place) else {
      throw VarqDefect.offset(tensor: name, expected: UInt64(place), actual: offset)
    }
    let rows = dimensions.first ?? 1
    guard
      let matrix = WeightMatrix(
        format: format, rows: rows, columns: dimensions.dropFirst().reduce(1, *), file: file,
        offset: place)
    else { throw VarqDefect.dataEnd(expected: place + expected, actual: file.count) }
    return VarqTensor(name: name, shape: dimensions, matrix: matrix, checksum: checksum)
  }
}
