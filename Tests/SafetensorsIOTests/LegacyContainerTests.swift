import SafetensorsIO
import TensorBytes
import Testing

/// Legacy containers that must be refused, each with its exact error.
@Suite struct LegacyContainerTests {
  private typealias P = TestPickle
  private let files: OpeningBytes

  init() throws { files = try OpeningBytes() }

  /// The parts of a container, any of which a test may replace.
  private struct Container {
    var magic: [UInt8] =
      P.start + [0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19] + P.stop
    var version: [UInt8] = P.start + [0x4D] + little(UInt16(1001)) + P.stop
    var system: [UInt8] = P.start + P.dict("little_endian", [0x88]) + P.stop
    var object: [UInt8] =
      P.start + P.dict("a", P.tensor(P.storage(2), shape: [2], strides: [1])) + P.stop
    var keys: [UInt8] = P.start + P.emptyList + P.string("0") + Array("a".utf8) + P.stop
    var storages: [UInt8] = little(Int64(2)) + [0, 0, 128, 63, 0, 0, 0, 64]

    var bytes: [UInt8] { magic + version + system + object + keys + storages }
  }

  private func check(
    _ error: LegacyError, line: Int = #line, _ change: (inout Container) -> Void
  ) throws {
    var container = Container()
    change(&container)
    #expect(
      try files.error(container.bytes) == .legacy(path: files.path, error), "line \(line)")
  }

  @Test func acceptsTheUnchangedOne() throws {
    let checkpoint = try files.open(Container().bytes)
    let tensor = try #require(checkpoint.tensor(named: "a"))
    #expect(try checkpoint.floats(of: tensor) == [1, 2])
    #expect(checkpoint.kind == .pytorchLegacy)
  }

  @Test func refusesDamage() throws {
    try check(.notPyTorch) { $0.magic[4] ^= 1 }
    try check(.notPyTorch) { $0.magic = P.start + P.int(5) + P.stop }
    try check(.protocolVersion(1002)) { $0.version[3] += 1 }
    try check(.protocolVersion(nil)) { $0.version = P.start + P.emptyList + P.stop }
    try check(.bigEndian) { $0.system = P.start + P.dict("little_endian", [0x89]) + P.stop }
    try check(.badStorageList) { $0.keys = P.start + P.emptyList + P.stop }
    try check(.badStorageList) { $0.keys = P.start + Array("N.".utf8) }
    try check(.badStorageList) {
      $0.keys = P.start + P.emptyList + P.string("1") + Array("a.".utf8)
    }
    try check(.storageCount(key: "0", expected: 2, actual: 3)) { $0.storages[0] = 3 }
    try check(.storageCount(key: "0", expected: 2, actual: -1)) {
      $0.storages = little(Int64(-1))
    }
    let end = Container().bytes.count
    try check(.reading(.truncated(offset: end - 8, wanted: 8, available: 7))) {
      $0.storages.removeLast()
    }
    try check(.reading(.truncated(offset: end - 16, wanted: 8, available: 0))) {
      $0.storages = []
    }
  }

  @Test func saysWhereThePickleEnds() throws {
    let head = Container().magic + Container().version
    #expect(
      try files.error(head)
        == .pickle(
          path: files.path,
          PickleError(
            offset: head.count,
            reason: .reading(.truncated(offset: head.count, wanted: 1, available: 0)))))
  }
}
