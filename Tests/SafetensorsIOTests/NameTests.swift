import SafetensorsIO
import TensorBytes
import TestSupport
import Testing

/// Names that Swift's strings count as equal, but files and Python don't.
@Suite struct NameTests {
  private typealias P = TestPickle
  private static let composed = "\u{E9}"
  private static let decomposed = "e\u{301}"
  private let files: OpeningBytes

  init() throws { files = try OpeningBytes() }

  @Test func keysAreBytes() {
    #expect(Self.composed == Self.decomposed, "as Swift has it")
    #expect(ByteKey(Self.composed) != ByteKey(Self.decomposed))
    #expect(Set([ByteKey(Self.composed), ByteKey(Self.decomposed), ByteKey("\u{E9}")]).count == 2)
  }

  private func value(_ checkpoint: Checkpoint, _ name: String) throws -> [Float] {
    try checkpoint.floats(of: #require(checkpoint.tensor(named: name)))
  }

  @Test func safetensors() throws {
    func tensor(_ name: String, _ start: Int) -> String {
      "\"\(name)\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[\(start),\(start + 4)]}"
    }
    let header = "{\(tensor(Self.composed, 0)),\(tensor(Self.decomposed, 4))}"
    let data = little(Float(1).bitPattern) + little(Float(2).bitPattern)
    let bytes = little(UInt64(header.utf8.count)) + Array(header.utf8) + data
    let checkpoint = try files.open(bytes)
    #expect(try value(checkpoint, Self.composed) == [1])
    #expect(try value(checkpoint, Self.decomposed) == [2])
    // The same two in shards of names that differ no more.
    try files.folder.write(bytes, to: "shard" + Self.composed)
    let map = "\"\(Self.composed)\":\"shard\(Self.composed)\""
    let error = try files.error(Array("{\"weight_map\":{\(map)}}".utf8))
    #expect(
      error
        == .safetensors(
          path: files.path,
          .notInIndex(tensor: Self.decomposed, shard: "shard" + Self.composed)))
  }

  @Test func writer() throws {
    let path = files.folder.file("written")
    let writer = try SafetensorsWriter(
      output(path),
      entries: [Self.composed, Self.decomposed].map {
        SafetensorsEntry(name: $0, type: .f32, shape: [1])
      })
    for value in [Float(1), 2] {
      try unsafe [value].withUnsafeBytes { try unsafe writer.append($0) }
    }
    try writer.finish()
    #expect(try value(Checkpoint.open(path), Self.decomposed) == [2])
  }

  /// Keys of the state dict, of the storages and of the archive's entries.
  @Test func zipAndPickle() throws {
    func tensor(_ key: String) -> [UInt8] {
      P.tensor(P.storage(1, key: key), shape: [1], strides: [1])
    }
    let pickle =
      P.start + P.dict(Self.composed, tensor(Self.composed)) + P.string(Self.decomposed)
      + tensor(Self.decomposed) + P.setItem + P.stop
    var archive = TestZip.checkpoint(pickle)
    for (name, value) in [(Self.composed, Float(1)), (Self.decomposed, 2)] {
      archive.entries.append(TestZip.Entry("archive/data/" + name, little(value.bitPattern)))
    }
    let checkpoint = try files.open(archive.bytes)
    #expect(try value(checkpoint, Self.composed) == [1])
    #expect(try value(checkpoint, Self.decomposed) == [2])
  }
}
