/// A zip archive made for a test, which may lie about anything.
struct TestZip {
  struct Entry {
    var name: String
    var body: [UInt8]
    var method: UInt16 = 0
    var flags: UInt16 = 0
    var checksum: UInt32 = 0
    /// Sizes and places that the directory gives instead of the true ones.
    var size: UInt32?
    var storedSize: UInt32?
    var headerOffset: UInt32?
    /// The name in the local header, if it is another.
    var localName: String?

    init(_ name: String, _ body: [UInt8]) {
      self.name = name
      self.body = body
    }
  }

  var entries: [Entry]
  var declaredCount: UInt16?
  var declaredSize: UInt32?
  /// Put between the directory and the end record.
  var beforeEnd: [UInt8] = []

  /// A PyTorch archive with one pickle and its storages.
  static func checkpoint(_ pickle: [UInt8], storages: [String: [UInt8]] = [:]) -> TestZip {
    TestZip(
      entries: [Entry("archive/data.pkl", pickle)]
        + storages.sorted { $0.key < $1.key }.map { Entry("archive/data/\($0.key)", $0.value) })
  }

  /// The bytes of the archive, with the places of the local headers.
  var layout: (bytes: [UInt8], headers: [Int]) {
    var bytes: [UInt8] = []
    var headers: [Int] = []
    for entry in entries {
      headers.append(bytes.count)
      bytes += Self.localHeader(entry) + entry.body
    }
    let start = bytes.count
    for (entry, header) in zip(entries, headers) {
      bytes += little(UInt32(0x0201_4B50)) + little(UInt16(20)) + little(UInt16(20))
      bytes += little(entry.flags) + little(entry.method) + little(UInt32(0))
      bytes += little(entry.checksum) + little(entry.storedSize ?? UInt32(entry.body.count))
      bytes += little(entry.size ?? UInt32(entry.body.count))
      bytes += little(UInt16(entry.name.utf8.count)) + little(UInt16(0)) + little(UInt16(0))
      bytes += [UInt8](repeating: 0, count: 8) + little(entry.headerOffset ?? UInt32(header))
      bytes += Array(entry.name.utf8)
    }
    let size = bytes.count - start
    let count = declaredCount ?? UInt16(entries.count)
    bytes += beforeEnd + little(UInt32(0x0605_4B50)) + little(UInt16(0)) + little(UInt16(0))
    bytes += little(count) + little(count) + little(declaredSize ?? UInt32(size))
    bytes += little(UInt32(start)) + little(UInt16(0))
    return (bytes, headers)
  }

  var bytes: [UInt8] { layout.bytes }

  static func localHeader(_ entry: Entry) -> [UInt8] {
    let name = Array((entry.localName ?? entry.name).utf8)
    return little(UInt32(0x0403_4B50)) + little(UInt16(20)) + little(entry.flags)
      + little(entry.method) + little(UInt32(0)) + little(entry.checksum)
      + little(UInt32(entry.body.count)) + little(UInt32(entry.body.count))
      + little(UInt16(name.count)) + little(UInt16(0)) + name
  }
}

/// The bytes of a number, little-endian.
func little<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
  (0..<MemoryLayout<T>.size).map { UInt8(truncatingIfNeeded: value >> T(8 * $0)) }
}
