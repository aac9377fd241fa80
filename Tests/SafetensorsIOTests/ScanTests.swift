import SafetensorsIO
import TensorBytes
import TestSupport
import Testing

/// One pass over a checkpoint's files against reading its tensors one by one.
@Suite struct ScanTests {
  private static func fixture(_ name: String) -> String { Repository.fixture("readers/" + name) }

  /// Every kind of container, with views, shared and deflated storages among them; pieces that cut
  /// elements.
  @Test(
    arguments: [
      "views.pt", "views-legacy.pt", "deflated.pt", "dtypes.pt", "dtypes-legacy.pt",
      "dtypes.safetensors", "sharded.safetensors.index.json", "zip64.pt",
    ], [7, 64, 4096])
  func handsOutAllThereIs(name: String, pieceSize: Int) throws {
    let checkpoint = try Checkpoint.open(Self.fixture(name))
    var files = [[UInt8]](repeating: [], count: checkpoint.files.count)
    var elements = [[UInt8]](repeating: [], count: checkpoint.tensors.count)
    try unsafe checkpoint.scan(
      checkpoint.tensors, bytes: { unsafe files[$0] += $1 }, pieceSize: pieceSize,
      elements: { unsafe elements[$0] += $1 })
    for (file, bytes) in zip(checkpoint.files, files) {
      #expect(bytes.count == file.count)
      #expect(try SHA256Digest.digest(of: bytes) == SHA256Digest.digest(of: file))
    }
    let other = try Checkpoint.open(Self.fixture(name))
    for (tensor, bytes) in zip(other.tensors, elements) {
      #expect(try unsafe other.withContiguousBytes(of: tensor) { unsafe Array($0) } == bytes)
    }
  }

  /// Without the wish for all bytes, the tensors' come all the same.
  @Test func leavesOutWhatIsNotWanted() throws {
    let checkpoint = try Checkpoint.open(Self.fixture("dtypes.pt"))
    let last = try #require(checkpoint.tensors.last { $0.elementCount > 0 })
    var bytes: [UInt8] = []
    try unsafe checkpoint.scan([last], pieceSize: 64) { unsafe bytes += $1 }
    #expect(bytes.count == last.byteCount)
    let digest = try checkpoint.digest(of: last)
    #expect(try SHA256Digest.digest(of: bytes) == digest)
  }

  /// Damage is found in the pass, and named by the first tensor that has the bytes.
  @Test func checksumsAreChecked() throws {
    typealias P = TestPickle
    let files = try OpeningBytes()
    let pickle = P.start + P.dict("a", P.tensor(P.storage(2), shape: [2], strides: [1])) + P.stop
    var archive = TestZip.checkpoint(pickle, storages: ["0": [0, 0, 128, 63, 0, 0, 0, 64]])
    archive.entries[1].checksum = 0x1234_5678
    let checkpoint = try files.open(archive.bytes)
    let expected = try #require(try files.error(archive.bytes, reading: "a"))
    guard case .storage(_, "a", .checksum(0x1234_5678, _)) = expected else {
      Issue.record("\(expected)")
      return
    }
    #expect(throws: expected) {
      try unsafe checkpoint.scan(checkpoint.tensors, pieceSize: 16) { _, _ in }
    }
  }
}
