import Foundation
import SafetensorsIO
import TensorBytes
import TestSupport
import Testing

/// Every file of `Tests/Fixtures/readers` against what PyTorch says is in it.
@Suite struct ReaderFixtureTests {
  struct Expected: Decodable {
    struct Tensor: Decodable, Equatable, CustomStringConvertible {
      let name: String
      let dtype: String
      let shape: [Int]
      let sha256: String
      var description: String { "\(name) \(dtype) \(shape) \(sha256.prefix(8))" }
    }
    let kind: String?
    let tensors: [Tensor]?
    let refused: String?
  }

  static let expected: [String: Expected] = {
    // Larger sets, made by the same script, may be checked too.
    let data = FileManager.default.contents(atPath: folder + "expected.json") ?? Data()
    return (try? JSONDecoder().decode([String: Expected].self, from: data)) ?? [:]
  }()

  static let folder = Repository.fixture("readers/")

  @Test func theListIsThere() {
    #expect(Self.expected.count >= 25)
  }

  @Test(arguments: expected.keys.sorted())
  func reads(_ name: String) throws {
    let expected = try #require(Self.expected[name])
    guard let kind = expected.kind, let tensors = expected.tensors else { return }
    let checkpoint = try Checkpoint.open(Self.folder + name)
    #expect(checkpoint.kind.rawValue == kind)
    let actual = try checkpoint.tensors.sorted { $0.name < $1.name }.map { tensor in
      Expected.Tensor(
        name: tensor.name, dtype: tensor.type.rawValue, shape: tensor.shape,
        sha256: SHA256Digest.hex(try checkpoint.digest(of: tensor)))
    }
    #expect(actual == tensors.sorted { $0.name < $1.name })
  }

  @Test func refusesWhatIsNoStateDict() {
    func error(_ name: String) -> CheckpointError? {
      #expect(throws: CheckpointError.self) { try Checkpoint.open(Self.folder + name) }
    }
    func global(_ name: String, _ offset: Int, _ global: String) -> CheckpointError {
      .pickle(
        path: Self.folder + name,
        PickleError(offset: offset, reason: .globalNotAllowed(global)))
    }
    #expect(error("hostile.pt") == global("hostile.pt", 169, "posix.system"))
    #expect(error("hostile-legacy.pt") == global("hostile-legacy.pt", 139, "posix.system"))
    #expect(error("array.pkl") == .legacy(path: Self.folder + "array.pkl", .notPyTorch))
  }

  @Test func numpyScalarsAreNumbers() throws {
    let checkpoint = try Checkpoint.open(Self.folder + "numpy-scalar.pt")
    #expect(checkpoint.leaves == [CheckpointLeaf(name: "loss", value: .float(0.5))])
  }

  /// What is no tensor is kept by its path too.
  @Test(arguments: ["containers.pt", "containers-legacy.pt", "protocol4.pt", "protocol5-legacy.pt"])
  func listsLeaves(_ name: String) throws {
    let checkpoint = try Checkpoint.open(Self.folder + name)
    var leaves: [String: CheckpointValue] = [:]
    for leaf in checkpoint.leaves { leaves[leaf.name] = leaf.value }
    #expect(leaves["size"] == .integers([1, 2, 3]))
    #expect(leaves["none"] == CheckpointValue.none)
    #expect(leaves["flag"] == .bool(false))
    #expect(leaves["text"] == .string("größe \u{2264} \u{1F600}"))
    #expect(leaves["small"] == .int(-1))
    #expect(leaves["short"] == .int(65_535))
    #expect(leaves["int"] == .int(-2_147_483_648))
    #expect(leaves["long"] == .int(.max))
    #expect(leaves["huge"] == .other("int"))
    #expect(leaves["float"] == .float(1e-5))
    #expect(leaves["many"] == .integers(Array(0..<1500)))
    #expect(leaves["tuples.4"] == .integers([1, 2, 3, 4]))
  }
}
