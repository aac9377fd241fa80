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

  private func refuse(_ pickle: [UInt8], _ error: FlatteningError) {
    #expect(throws: CheckpointError.flattening(path: files.path, error)) { try open(pickle) }
  }

  private func code(_ text: String) -> [UInt8] { Array(text.utf8) }

  /// A list of 10 000 integers that 300 keys have for a value: 24 MB from 20 kB.
  @Test func sharedListsOfIntegers() {
    let list =
      code("](") + [[UInt8]](repeating: [0x4B, 7], count: 10_000).joined() + code("eq\u{0}")
    var pickle = list + code("}(")
    for index in 0..<300 { pickle += P.string("\(index)") + code("h\u{0}") }
    refuse(pickle + code("u"), .tooLarge(what: "entries", limit: 2_000_000))
  }

  /// A key of a megabyte in 300 dictionaries that hold nothing but an empty one.
  @Test func sharedKeysOfEmptyContainers() {
    let key = P.string(String(repeating: "k", count: 1 << 20)) + code("q\u{0}")
    var pickle = code("](}") + key + code("}s")
    for _ in 0..<300 { pickle += code("}h\u{0}}s") }
    refuse(pickle + code("e"), .tooLarge(what: "bytes of names", limit: 256 << 20))
  }

  /// Python keeps composed and decomposed accents apart.
  @Test func namesAreToldApartByTheirBytes() throws {
    let pickle =
      code("}(") + P.string("\u{e9}") + code("N") + P.string("e\u{301}") + code("Nu")
    #expect(
      try open(pickle).leaves.map { Array($0.name.utf8) } == [[0xC3, 0xA9], [0x65, 0xCC, 0x81]])
  }
}
