import SafetensorsIO
import TensorBytes
import Testing

/// Archives that must be refused, each with its exact error.
@Suite struct ZipArchiveTests {
  private typealias P = TestPickle
  private let files: OpeningBytes
  private let pickle =
    P.start + P.dict("a", P.tensor(P.storage(2), shape: [2], strides: [1]))
    + P.stop
  private let storage: [UInt8] = [0, 0, 128, 63, 0, 0, 0, 64]

  init() throws { files = try OpeningBytes() }

  private var archive: TestZip { .checkpoint(pickle, storages: ["0": storage]) }

  private func check(
    _ error: ZipError, line: Int = #line, _ change: (inout TestZip) -> Void
  ) throws {
    var archive = archive
    change(&archive)
    #expect(try files.error(archive.bytes) == .zip(path: files.path, error), "line \(line)")
  }

  @Test func acceptsTheUnchangedOne() throws {
    let checkpoint = try files.open(archive.bytes)
    let tensor = try #require(checkpoint.tensor(named: "a"))
    #expect(try checkpoint.floats(of: tensor) == [1, 2])
    #expect(checkpoint.kind == .pytorchZip)
  }

  @Test func refusesBadDirectories() throws {
    let bytes = archive.bytes
    for cut in [1, 10, 22, 40] {
      #expect(
        try files.error(Array(bytes.dropLast(cut))) == .zip(path: files.path, .noEndRecord))
    }
    let end = bytes.count - 22
    let (_, headers) = archive.layout
    let directory = headers[1] + 30 + "archive/data/0".utf8.count + storage.count
    let size = end - directory
    try check(.directoryMismatch(expected: end, actual: end - 60)) { $0.declaredCount = 1 }
    try check(.directoryMismatch(expected: size, actual: size)) { $0.declaredCount = 3 }
    var broken = bytes
    broken[directory] ^= 1
    #expect(
      try files.error(broken)
        == .zip(
          path: files.path, .badSignature(record: "directory entry", offset: directory)))
    try check(.directoryMismatch(expected: 7, actual: size)) { $0.declaredSize = 7 }
    try check(.directoryMismatch(expected: size, actual: size + 5)) {
      $0.beforeEnd = [1, 2, 3, 4, 5]
    }
    try check(.pickleCount(0)) { $0.entries = [] }
    try check(.pickleCount(2)) { $0.entries.append(.init("b/data.pkl", [])) }
    try check(.duplicateEntry("archive/data/0")) { $0.entries.append($0.entries[1]) }
    let locator = little(UInt32(0x0706_4B50)) + little(UInt32(0)) + little(UInt64(1 << 60))
    try check(.reading(.truncated(offset: 1 << 60, wanted: 1, available: 0))) {
      $0.beforeEnd = locator + little(UInt32(1))
    }
    try check(.badSignature(record: "zip64 locator", offset: end - 20)) {
      $0.declaredSize = 0xFFFF_FFFF
    }
  }

  @Test func refusesBadEntries() throws {
    let name = "archive/data/0"
    try check(.encrypted(entry: name)) { $0.entries[1].flags = 1 }
    // Strong encryption, and a directory whose values are masked.
    for flags: UInt16 in [0x40, 0x2000] {
      try check(.encrypted(entry: name)) { $0.entries[1].flags = flags }
    }
    try check(.compressionMethod(entry: name, method: 14)) { $0.entries[1].method = 14 }
    try check(.nameMismatch(entry: name)) { $0.entries[1].localName = "archive/data/1" }
    try check(.badSize(entry: name, size: 9)) { $0.entries[1].size = 9 }
    try check(.badSize(entry: name, size: 1000)) {
      $0.entries[1].size = 1000
      $0.entries[1].storedSize = 1000
    }
    // 8 bytes cannot inflate to a megabyte.
    try check(.badSize(entry: name, size: 1 << 20)) {
      $0.entries[1].method = 8
      $0.entries[1].size = 1 << 20
    }
    try check(.badSignature(record: "local header of \(name)", offset: 3)) {
      $0.entries[1].headerOffset = 3
    }
    try check(.reading(.truncated(offset: 4_000_000, wanted: 1, available: 0))) {
      $0.entries[1].headerOffset = 4_000_000
    }
    // An entry within another one's bytes.
    try check(.overlap(entry: "inner")) { archive in
      let inner = TestZip.Entry("inner", [1, 2])
      archive.entries.append(.init("outer", TestZip.localHeader(inner) + [1, 2]))
      var hidden = inner
      hidden.headerOffset = UInt32(archive.layout.headers[2] + 30 + 5)
      archive.entries.append(hidden)
    }
  }

  @Test func refusesBadContents() throws {
    try check(.missingStorage(key: "0")) { $0.entries[1].name = "archive/data/1" }
    try check(.storageSize(key: "0", expected: 8, actual: 4)) {
      $0.entries[1].body = [1, 2, 3, 4]
    }
    try check(.byteOrder("big")) {
      $0.entries.append(.init("archive/byteorder", Array("big".utf8)))
    }
    try check(.damaged(entry: "archive/data.pkl", .checksum(expected: 7, actual: 2_109_067_789))) {
      $0.entries[0].body = P.start + Array("N.".utf8)
      $0.entries[0].checksum = 7
    }
    try check(.damaged(entry: "archive/data.pkl", .inflate("zlib status -3"))) {
      $0.entries[0].method = 8
      $0.entries[0].body = [0xFF, 0xFF, 0xFF, 0xFF]
    }
    var script = archive
    script.entries.append(.init("archive/constants.pkl", []))
    guard case .unsupportedKind = try files.error(script.bytes) else {
      Issue.record("a TorchScript program was opened")
      return
    }
  }

  /// Damage within a storage shows when the tensor is read.
  @Test func refusesDamagedStorages() throws {
    func damaged(_ error: StorageError) -> CheckpointError {
      .storage(path: files.path, tensor: "a", error)
    }
    let checksum: UInt32 = 0x2E3F_A576
    var archive = archive
    archive.entries[1].checksum = checksum
    #expect(try files.error(archive.bytes, reading: "a") == nil)
    archive.entries[1].body[0] ^= 1
    #expect(
      try files.error(archive.bytes, reading: "a")
        == damaged(.checksum(expected: checksum, actual: 0xE295_A5E8)))
    archive.entries[1].method = 8
    #expect(
      try files.error(archive.bytes, reading: "a")
        == damaged(.inflate("zlib status -3")))
  }
}
