import Foundation
import TestSupport
import Testing

/// Small files that would take much time or memory, as a user meets them.
@Suite(.serialized) struct HostileFileTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// Runs a program on a file and holds it to what any file of at most 10 MB may cost.
  @discardableResult
  private func answer(
    _ bytes: [UInt8], _ arguments: String..., status: Int32? = nil, line: Int = #line
  ) throws -> CommandResult {
    #expect(bytes.count <= 10_000_000, "line \(line)")
    let path = try folder.write(bytes, to: "hostile")
    let result = try CommandRunner.answer(
      "var-convert", [arguments[0], path] + arguments.dropFirst(), line: line)
    #expect(result.status == 0 || result.status == 1, "line \(line): \(result.errors)")
    if let status { #expect(result.status == status, "line \(line): \(result.errors)") }
    return result
  }

  private func pickle(_ body: [UInt8], _ storages: [String: StoredZip.Content] = [:]) -> [UInt8] {
    let entries = [("a/data.pkl", StoredZip.Content.stored([0x80, 4] + body + [0x2E]))]
    return StoredZip.archive(
      entries + storages.sorted { $0.key < $1.key }.map { ("a/data/" + $0.key, $0.value) })
  }

  private func repeated(_ text: String, _ count: Int) -> [UInt8] {
    Array(repeatElement(Array(text.utf8), count: count).joined())
  }

  /// `_rebuild_tensor_v2` of a storage of f32.
  private func tensor(_ shape: [Int32], _ strides: [Int32], of count: Int32 = 4, key: String = "0")
    -> [UInt8]
  {
    func int(_ value: Int32) -> [UInt8] { [0x4A] + little(UInt32(bitPattern: value)) }
    func text(_ text: String) -> [UInt8] { [0x8C, UInt8(text.utf8.count)] + Array(text.utf8) }
    func tuple(_ values: [Int32]) -> [UInt8] { [0x28] + values.flatMap(int) + [0x74] }
    let storage =
      [0x28] + text("storage") + Array("ctorch\nFloatStorage\n".utf8) + text(key) + text("cpu")
      + int(count) + [0x74, 0x51]
    let call = Array("ctorch._utils\n_rebuild_tensor_v2\n(".utf8) + storage + int(0)
    let rest = [0x89] + Array("ccollections\nOrderedDict\n)RtR".utf8)
    return call + tuple(shape) + tuple(strides) + rest
  }

  private func little(_ value: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }

  @Test func valuesAndMemo() throws {
    for body in ["N", "]", ")", "(", "N\u{30}"] {
      try answer(pickle(repeated(body, 9_900_000 / body.utf8.count)), "inspect")
    }
    try answer(
      pickle([0x4E] + [UInt8](repeating: 0x94, count: 9_900_000)), "inspect", status: 1)
    try answer(
      pickle([0x4E] + [UInt8](repeating: 0x85, count: 9_900_000)), "inspect", status: 1)
  }

  @Test func namesAndLeaves() throws {
    let key = [0x58] + little(200_000) + repeated("k", 200_000)
    let list = repeated("]", 1) + [0x28] + tensor([4], [1]) + [0x71, 1] + repeated("h\u{1}", 1250)
    try answer(pickle([0x7D] + key + list + Array("es".utf8)), "inspect", "--json", status: 1)
    // Control characters become six each.
    let text = [0x58] + little(9_000_000) + [UInt8](repeating: 1, count: 9_000_000)
    try answer(pickle([0x7D, 0x8C, 1, 0x77] + text + [0x73]), "inspect", "--json", status: 0)
    // Two hundred thousand tensors of fifty bytes.
    let header = (0..<160_000).map {
      "\"\(String($0, radix: 36))\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}"
    }.joined(separator: ",")
    let json = Array("{\(header)}".utf8)
    let file = little(UInt32(json.count)) + [0, 0, 0, 0] + json
    try answer(file, "inspect", "--json", "--checksums", status: 0)
  }

  /// What the file does not hold is not hashed again and again.
  @Test func repeatedStorages() throws {
    let repeats = repeated("]", 1) + [0x28] + tensor([1 << 28], [0]) + [0x71, 1]
    try answer(
      pickle(
        repeats + repeated("h\u{1}", 20) + [0x65], ["0": .stored(.init(repeating: 0, count: 16))]),
      "inspect", "--checksums", status: 1)
    // The same tensor thirty thousand times is hashed once.
    let megabyte: Int32 = 1 << 18
    let shared = repeated("]", 1) + [0x28] + tensor([megabyte], [1], of: megabyte) + [0x71, 1]
    let storage = StoredZip.Content.stored(.init(repeating: 3, count: 1 << 20))
    try answer(
      pickle(shared + repeated("h\u{1}", 30_000) + [0x65], ["0": storage]), "inspect",
      "--checksums", "--json", status: 0)
    // Views that differ a little, nearly all of the file each.
    var views: [UInt8] = [0x5D, 0x28]
    for index in 0..<3000 { views += tensor([megabyte - Int32(index)], [1], of: megabyte) }
    try answer(pickle(views + [0x65], ["0": storage]), "inspect", "--checksums", status: 1)
  }

  /// A megabyte of zeros is a kilobyte.
  @Test func inflatedBytes() throws {
    let zeros = 64 << 20
    let one = tensor([1], [1], of: Int32(zeros / 4))
    let body = [0x7D, 0x8C, 1, 0x77] + one + [0x73]
    let sound = try answer(
      pickle(body, ["0": .zeros(zeros)]), "inspect", "--checksums", "--json", status: 0)
    // SHA-256 of four zeros: inflated by pieces, to the end.
    #expect(
      sound.text.contains("df3f619804a92fdb4057192dc43dd748ea778adc52bc498ce80524c014b81119"))
    var many: [UInt8] = [0x5D, 0x28]
    var storages: [String: StoredZip.Content] = [:]
    let content = StoredZip.Content.zeros(zeros)
    for index in 0..<20 {
      many += tensor([1], [1], of: Int32(zeros / 4), key: "\(index)")
      storages["\(index)"] = content
    }
    try answer(pickle(many + [0x65], storages), "inspect", "--checksums", status: 1)
    let entries = [("a/data.pkl", StoredZip.Content.zeros(250 << 20))]
    try answer(StoredZip.archive(entries), "inspect", status: 1)
  }

  @Test(arguments: [#"(a+)+$"#, #"^(([a-z._0-9]+)+)+!"#, #"(((((a*)*)*)*)*)*[^a-z]z"#])
  func slowPatterns(_ pattern: String) throws {
    let fixture = Repository.fixture("models/plain/")
    let start = ContinuousClock.now
    let result = try CommandRunner.run(
      "var-convert",
      [
        "convert", "--var", fixture + "var.pth", "--vae", fixture + "vae.pth", "--dry-run",
        "--tensor-type", pattern + "=f16",
      ])
    #expect(result.status != 0)
    #expect(ContinuousClock.now - start < .seconds(20))
  }
}
