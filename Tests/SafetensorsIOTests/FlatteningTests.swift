import SafetensorsIO
import Testing

/// What is shared within a pickle counts each time it is used.
@Suite struct FlatteningTests {
  private typealias P = TestPickle
  private let files: OpeningBytes

  init() throws { files = try OpeningBytes() }

  private func open(_ pickle: [UInt8]) throws -> Checkpoint {
    try files.open(TestZip.checkpoint(P.start + pickle + P.stop).bytes)
  }

  private func code(_ text: String) -> [UInt8] { Array(text.utf8) }

  private func leaves(_ pickle: [UInt8]) throws -> [String: CheckpointValue] {
    Dictionary(
      try open(pickle).leaves.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first })
  }

  /// A history of any length is one leaf, of which the beginning is kept.
  @Test func historiesAreOneLeaf() throws {
    let float = code("G") + [UInt8](repeating: 0, count: 8)
    let history = code("](") + [[UInt8]](repeating: float, count: 100_000).joined() + code("e")
    let leaves = try leaves(P.dict("losses", history))
    guard case .list(let first, count: 100_000) = leaves["losses"] else {
      Issue.record("\(leaves.keys)")
      return
    }
    #expect(first.count == 4096)
    #expect(first.allSatisfy { $0 == .float(0) })
    let pair = code("K\u{1}") + float + [0x86]
    let pairs = code("](") + [[UInt8]](repeating: pair, count: 5000).joined() + code("e")
    #expect(try self.leaves(P.dict("pairs", pairs)) == ["pairs": .other("list of 5000 entries")])
    let names = code("](") + P.string("a") + P.string("b") + code("e")
    #expect(
      try self.leaves(P.dict("names", names))
        == ["names": .list([.string("a"), .string("b")], count: 2)])
  }

  /// A tensor behind many numbers keeps its place.
  @Test func tensorsBehindNumbersKeepTheirIndex() throws {
    let numbers = [[UInt8]](repeating: code("K\u{7}"), count: 10_000).joined()
    let tensor = P.tensor(P.storage(0), shape: [0], strides: [1])
    let checkpoint = try open(code("](") + numbers + code("e") + tensor + code("a"))
    #expect(checkpoint.tensors.map(\.name) == ["10000"])
  }

  /// A list of 10 000 integers that 3000 keys have for a value: 100 MB from 50 kB.
  @Test func sharedListsOfIntegers() throws {
    let list =
      code("](") + [[UInt8]](repeating: [0x4B, 7], count: 10_000).joined() + code("eq\u{0}")
    var pickle = list + code("}(")
    for index in 0..<3000 { pickle += P.string("\(index)") + code("h\u{0}") }
    // Tensors beside them, so that the dict is listed.
    pickle += P.string("w") + P.tensor(P.storage(0), shape: [0], strides: [1])
    #expect(throws: CheckpointError.self) { try open(pickle + code("u")) }
  }

  /// A key of a megabyte in 300 dictionaries that hold nothing but an empty one.
  @Test func sharedKeysOfEmptyContainers() throws {
    let key = P.string(String(repeating: "k", count: 1 << 20)) + code("q\u{0}")
    var pickle = code("](}") + key + code("}s")
    for _ in 0..<300 { pickle += code("}h\u{0}}s") }
    #expect(throws: CheckpointError.self) { try open(pickle + code("e")) }
  }

  /// 0 and "0", tuples and bytes, and keys that hold dots.
  @Test func oddKeysHaveNames() throws {
    let one = P.int(1)
    let pickle =
      code("}(") + P.string("0") + code("N") + code("K\u{0}") + one + code("K\u{1}")
      + P.string("b") + [0x86] + one + code("C\u{2}") + [0xFF, 0x00] + one + P.string("a.b")
      + one + P.string("a") + P.dict("b", code("N")) + code("u")
    #expect(
      try leaves(pickle) == [
        "0": .none, "0~2": .int(1), "(1, 'b')": .int(1), "b'\\xff\\x00'": .int(1),
        "a.b": .int(1), "a.b~2": .none,
      ])
  }

  /// Python keeps composed and decomposed accents apart.
  @Test func namesAreToldApartByTheirBytes() throws {
    let pickle =
      code("}(") + P.string("\u{e9}") + code("N") + P.string("e\u{301}") + code("Nu")
    #expect(
      try open(pickle).leaves.map { Array($0.name.utf8) } == [[0xC3, 0xA9], [0x65, 0xCC, 0x81]])
  }
}
