internal import TensorBytes

/// Reads the entries of a zip archive's central directory.
struct ZipDirectoryParser {
  private let file: MappedFile
  private let end: ZipEndRecord

  init(_ file: MappedFile, _ end: ZipEndRecord) {
    self.file = file
    self.end = end
  }

  /// All entries that are not folders, with the offsets of their local headers.
  func parse() throws(ZipError) -> [(entry: ZipEntry, headerOffset: Int)] {
    var reader = try zipReader(file, at: end.directory.lowerBound)
    var entries: [(entry: ZipEntry, headerOffset: Int)] = []
    for _ in 0..<end.count {
      let offset = reader.offset
      let signature = try zip(&reader) { r throws(ByteReaderError) in try r.read(UInt32.self) }
      guard signature == 0x0201_4B50 else {
        throw .badSignature(record: "directory entry", offset: offset)
      }
      let record = try zip(&reader) { r throws(ByteReaderError) in try DirectoryRecord(&r) }
      if record.name.hasSuffix("/") { continue }
      entries.append((try entry(record), record.headerOffset))
    }
    guard reader.offset == end.directory.upperBound else {
      throw .directoryMismatch(
        expected: end.directory.upperBound, actual: reader.offset)
    }
    return entries
  }

  private func entry(_ record: DirectoryRecord) throws(ZipError) -> ZipEntry {
    let name = record.name
    // Bits 0, 6 and 13: the bytes, all of them by strong encryption, the directory too.
    guard record.flags & 0x2041 == 0 else { throw .encrypted(entry: name) }
    guard record.method == 0 || record.method == 8 else {
      throw .compressionMethod(entry: name, method: Int(record.method))
    }
    let isDeflated = record.method == 8
    // Deflate cannot shrink data by more than 1032 : 1.
    guard isDeflated ? record.size / 1032 <= record.storedSize : record.size == record.storedSize
    else { throw .badSize(entry: name, size: record.size) }
    let start = try dataOffset(record)
    guard start <= end.directory.lowerBound,
      record.storedSize <= end.directory.lowerBound - start
    else { throw .badSize(entry: name, size: record.storedSize) }
    return ZipEntry(
      name: name, range: start..<start + record.storedSize, size: record.size,
      checksum: record.checksum == 0 ? nil : record.checksum, isDeflated: isDeflated)
  }

  /// Where the bytes behind the local header begin.
  private func dataOffset(_ record: DirectoryRecord) throws(ZipError) -> Int {
    var reader = try zipReader(file, at: record.headerOffset)
    let signature = try zip(&reader) { r throws(ByteReaderError) in try r.read(UInt32.self) }
    guard signature == 0x0403_4B50 else {
      throw .badSignature(record: "local header of \(record.name)", offset: record.headerOffset)
    }
    let name = try zip(&reader) { r throws(ByteReaderError) in
      try r.skip(22)
      let nameLength = Int(try r.read(UInt16.self))
      let extraLength = Int(try r.read(UInt16.self))
      let name = try r.readBytes(nameLength)
      try r.skip(extraLength)
      return name
    }
    guard name == record.nameBytes else { throw .nameMismatch(entry: record.name) }
    return reader.offset
  }
}

/// One record of the central directory, behind its signature.
private struct DirectoryRecord {
  let flags: UInt16
  let method: UInt16
  let checksum: UInt32
  let nameBytes: [UInt8]
  var storedSize: Int
  var size: Int
  var headerOffset: Int

  var name: String { String(decoding: nameBytes, as: UTF8.self) }

  init(_ reader: inout ByteReader) throws(ByteReaderError) {
    try reader.skip(4)
    flags = try reader.read()
    method = try reader.read()
    try reader.skip(4)
    checksum = try reader.read()
    storedSize = Int(try reader.read(UInt32.self))
    size = Int(try reader.read(UInt32.self))
    let nameLength = Int(try reader.read(UInt16.self))
    let extraLength = Int(try reader.read(UInt16.self))
    let commentLength = Int(try reader.read(UInt16.self))
    try reader.skip(8)
    headerOffset = Int(try reader.read(UInt32.self))
    nameBytes = try reader.readBytes(nameLength)
    let extraEnd = reader.offset
    try readExtra(&reader, extraLength)
    try reader.seek(to: extraEnd)
    try reader.skip(extraLength)
    try reader.skip(commentLength)
  }

  /// The zip64 field (id 1) replaces those sizes that are all ones, in this order.
  private mutating func readExtra(
    _ reader: inout ByteReader, _ length: Int
  ) throws(ByteReaderError) {
    let end = reader.offset + length
    while reader.offset + 4 <= end {
      let id = try reader.read(UInt16.self)
      let count = Int(try reader.read(UInt16.self))
      guard id == 1 else {
        try reader.skip(count)
        continue
      }
      let all32 = 0xFFFF_FFFF
      if size == all32 { size = try reader.readSize() }
      if storedSize == all32 { storedSize = try reader.readSize() }
      if headerOffset == all32 { headerOffset = try reader.readSize() }
      return
    }
  }
}
