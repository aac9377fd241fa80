internal import TensorBytes

/// One entry of a zip archive, checked to lie within the file.
struct ZipEntry: Equatable {
  let name: String
  /// Where its stored bytes are in the file.
  let range: Range<Int>
  /// Size of the content.
  let size: Int
  /// CRC-32 of the content; nil where the writer left it out (PyTorch then writes 0).
  let checksum: UInt32?
  let isDeflated: Bool
}

/// The directory of a zip archive (PKWARE's APPNOTE 6.3, with zip64).
///
/// Sizes come from the central directory, so data descriptors (flag bit 3) need not be read.
/// Validated once, here: afterwards every entry's range is within the file and overlaps no other.
struct ZipArchive {
  private(set) var entries: [ByteKey: ZipEntry] = [:]

  /// What an entry takes beside its name, which is kept twice.
  private static let entryBytes = 400

  init(_ file: MappedFile, _ budget: inout FileBudget) throws(ZipError) {
    let end = try ZipEndRecord(file)
    do throws(BudgetError) {
      try budget.keep(
        end.count * Self.entryBytes + 2 * end.directory.count, "archive's entries")
    } catch { throw .budget(error) }
    let parsed = try ZipDirectoryParser(file, end).parse()
    var occupied: [(range: Range<Int>, name: String)] = []
    for (entry, headerOffset) in parsed {
      guard entries.updateValue(entry, forKey: ByteKey(entry.name)) == nil else {
        throw .duplicateEntry(entry.name)
      }
      occupied.append((headerOffset..<entry.range.upperBound, entry.name))
    }
    occupied.sort { $0.range.lowerBound < $1.range.lowerBound }
    for (one, next) in zip(occupied, occupied.dropFirst())
    where next.range.lowerBound < one.range.upperBound {
      throw .overlap(entry: next.name)
    }
  }
}

/// Where the central directory is.
struct ZipEndRecord {
  static let signature: UInt32 = 0x0605_4B50
  private static let size = 22
  private(set) var directory = 0..<0
  private(set) var count = 0

  init(_ file: MappedFile) throws(ZipError) {
    let offset = try Self.find(file)
    var reader = try zipReader(file, at: offset)
    let fields = try zip(&reader) { r throws(ByteReaderError) in
      try r.skip(4)
      return [
        try r.read(UInt16.self), try r.read(UInt16.self), try r.read(UInt16.self),
        try r.read(UInt16.self),
      ].map(Int.init)
    }
    let size = Int(try zip(&reader) { r throws(ByteReaderError) in try r.read(UInt32.self) })
    let start = Int(try zip(&reader) { r throws(ByteReaderError) in try r.read(UInt32.self) })
    let has64 = try readZip64(file, before: offset)
    let isSaturated = fields.contains(0xFFFF) || size == 0xFFFF_FFFF || start == 0xFFFF_FFFF
    if has64 {
      // PyTorch writes both records; where they both speak, they must agree.
      guard isSaturated || directory == start..<start + size && count == fields[3] else {
        throw .directoryMismatch(expected: size, actual: directory.count)
      }
      return
    }
    guard !isSaturated else { throw .badSignature(record: "zip64 locator", offset: offset - 20) }
    guard fields[0] == 0, fields[1] == 0, fields[2] == fields[3] else { throw .multipleVolumes }
    try set(start, size, fields[3], before: offset)
  }

  /// How far from the end of the file the record is looked for: its comment, and then some.
  private static let searchSize = 1 << 20

  /// The last record whose comment reaches exactly to the end of the file; failing that the last one
  /// behind which there is something else, which PyTorch tolerates too.
  private static func find(_ file: MappedFile) throws(ZipError) -> Int {
    let first = max(0, file.count - searchSize)
    let tail = Checkpoint.bytes(of: file, at: first, file.count - first)
    var followed: Int?
    for offset in (0...max(0, tail.count - size)).reversed()
    where tail.count >= size && tail[offset] == 0x50 && tail[offset + 1] == 0x4B
      && tail[offset + 2] == 5 && tail[offset + 3] == 6
    {
      let comment = Int(tail[offset + 20]) + Int(tail[offset + 21]) << 8
      if offset + size + comment == tail.count { return first + offset }
      if followed == nil, offset + size + comment < tail.count { followed = first + offset }
    }
    guard let followed else { throw .noEndRecord }
    return followed
  }

  /// Reads the zip64 record, if there is a locator of one.
  private mutating func readZip64(_ file: MappedFile, before end: Int) throws(ZipError) -> Bool {
    guard end >= 20 else { return false }
    var reader = try zipReader(file, at: end - 20)
    let signature = try zip(&reader) { r throws(ByteReaderError) in try r.read(UInt32.self) }
    guard signature == 0x0706_4B50 else { return false }
    let offset = try zip(&reader) { r throws(ByteReaderError) in
      try r.skip(4)
      return try r.readSize()
    }
    var record = try zipReader(file, at: offset)
    let recordSignature = try zip(&record) { r throws(ByteReaderError) in try r.read(UInt32.self) }
    guard recordSignature == 0x0606_4B50 else {
      throw .badSignature(record: "zip64 end record", offset: offset)
    }
    let fields = try zip(&record) { r throws(ByteReaderError) in
      try r.skip(20)
      return [try r.readSize(), try r.readSize(), try r.readSize(), try r.readSize()]
    }
    guard fields[0] == fields[1] else { throw .multipleVolumes }
    try set(fields[3], fields[2], fields[1], before: offset)
    return true
  }

  private mutating func set(
    _ start: Int, _ size: Int, _ count: Int, before end: Int
  ) throws(ZipError) {
    // 46 bytes is the least that an entry takes.
    guard start <= end, size == end - start, count <= size / 46 else {
      throw .directoryMismatch(expected: size, actual: end - start)
    }
    directory = start..<end
    self.count = count
  }
}

/// A reader from an offset to the end of the file; an offset outside is an error.
func zipReader(_ file: MappedFile, at offset: Int) throws(ZipError) -> ByteReader {
  guard offset >= 0, offset <= file.count,
    let reader = try? ByteReader(file, in: offset..<file.count)
  else { throw .reading(.truncated(offset: offset, wanted: 1, available: 0)) }
  return reader
}

/// Reads; a reader's error becomes the archive's.
func zip<T>(
  _ reader: inout ByteReader, _ body: (inout ByteReader) throws(ByteReaderError) -> T
) throws(ZipError) -> T {
  do throws(ByteReaderError) {
    return try body(&reader)
  } catch { throw .reading(error) }
}
