import SafetensorsIO
import TensorBytes
import TestSupport
import Testing

/// Safetensors files and indices that must be refused, each with its exact error.
@Suite struct SafetensorsReaderTests {
  private let files: OpeningBytes

  init() throws { files = try OpeningBytes() }

  private func file(_ header: String, data: Int) -> [UInt8] {
    little(UInt64(header.utf8.count)) + Array(header.utf8) + [UInt8](repeating: 0, count: data)
  }

  private func tensor(
    _ name: String, _ type: String = "F32", _ shape: String = "[2]", _ offsets: String = "[0,8]"
  ) -> String {
    "\"\(name)\":{\"dtype\":\"\(type)\",\"shape\":\(shape),\"data_offsets\":\(offsets)}"
  }

  private func check(
    _ header: String, data: Int = 8, _ error: SafetensorsError, line: Int = #line
  ) throws {
    #expect(
      try files.error(file(header, data: data)) == .safetensors(path: files.path, error),
      "line \(line)")
  }

  @Test func acceptsWhatItShould() throws {
    let header =
      "{ \"__metadata__\": {\"format\":\"pt\"}, \(tensor("b", "F16", "[]", "[8,10]")),\n"
      + "\(tensor("a\\u0062\\\"\\ud83d\\ude00")),\(tensor("e", "I64", "[0,3]", "[10,10]"))}   "
    let checkpoint = try files.open(file(header, data: 10))
    #expect(checkpoint.tensors.map(\.name) == ["ab\"\u{1F600}", "b", "e"])
    #expect(checkpoint.tensors.map(\.shape) == [[2], [], [0, 3]])
    #expect(checkpoint.leaves == [CheckpointLeaf(name: "format", value: .string("pt"))])
    #expect(try files.open(file("{}", data: 0)).tensors == [])
    #expect(try files.open(file("{\"__metadata__\":null}", data: 0)).leaves == [])
  }

  /// Types of newer versions are listed and hashed, those of fewer than 8 bits too.
  @Test func listsTypesThatAreNotRead() throws {
    let header =
      "{\(tensor("a", "F8_E4M3", "[4]", "[0,4]")),\(tensor("b", "F4", "[2,2]", "[4,6]")),"
      + "\(tensor("c", "C64", "[1]", "[6,14]"))}"
    let checkpoint = try files.open(file(header, data: 14))
    #expect(checkpoint.tensors.map(\.typeName) == ["F8_E4M3", "F4", "C64"])
    #expect(checkpoint.tensors.map(\.shape) == [[4], [2, 2], [1]])
    #expect(checkpoint.tensors.map(\.byteCount) == [4, 2, 8])
    try check(
      "{\(tensor("a", "F4", "[3]", "[0,1]"))}",
      .badShape(tensor: "a", ArithmeticError("shape [3] of F4")))
  }

  @Test func refusesBadHeaders() throws {
    func json(_ offset: Int, _ message: String) -> SafetensorsError {
      .json(JSONError(offset: offset, message: message))
    }
    try check("{\(tensor("a")),\(tensor("a"))}", json(54, "the key \"a\" appears twice"))
    try check(
      "{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\"}}", json(20, "the key \"dtype\" appears twice"))
    try check("{", json(1, "a key expected"))
    try check("{\"a\"", json(4, "':' expected"))
    try check("{\"a\":1", json(6, "',' or '}' expected"))
    try check("{\"a\":}", json(5, "a digit expected"))
    try check("{\"a\":01}", json(6, "',' or '}' expected"))
    try check("{\"a\":[1,]}", json(8, "a digit expected"))
    try check("{\"a\":\"\u{1}\"}", json(6, "a control character in a string"))
    try check("{\"a\":\"\\x\"}", json(8, "an unknown escape"))
    try check("{\"a\":\"\\ud83d\"}", json(12, "half a surrogate pair"))
    try check("{\"a\":tru}", json(5, "no value"))
    try check("{} x", json(3, "text after the value"))
    try check(
      "{\"a\":" + String(repeating: "[", count: 100_000), json(37, "nested too deeply"))
    try check("{\"a\":1}", .malformed("a is no object"))
    try check("{\"__metadata__\":1}", .malformed("__metadata__ is no object"))
    try check(
      "{\"__metadata__\":{\"k\":1}}", .malformed("the value of \"k\" in __metadata__ is no string"))
    try check("{\"a\":{\"shape\":[2]}}", .malformed("a has no dtype"))
    for shape in ["2", "[2.0]", "[\"2\"]", "[1e1]", "[99999999999999999999]"] {
      try check(
        "{\(tensor("a", "F32", shape))}", .malformed("the shape of a is no list of integers"))
    }
    for offsets in ["[0]", "[0,8,8]", "[0,8.0]", "[-0,8]", "null"] {
      try check(
        "{\(tensor("a", "F32", "[2]", offsets))}",
        .malformed("the data_offsets of a are not two integers"))
    }
  }

  @Test func refusesBadTensors() throws {
    for type in ["F9", "f32", ""] {
      try check("{\(tensor("a", type))}", .unsupportedType(tensor: "a", type: type))
    }
    try check(
      "{\(tensor("a", "F32", "[-2]"))}", .badShape(tensor: "a", ArithmeticError("shape [-2]")))
    try check(
      "{\(tensor("a", "F32", "[4611686018427387904]"))}",
      .badShape(tensor: "a", ArithmeticError("shape [4611686018427387904] of F32")))
    for (begin, end) in [(0, 4), (8, 0), (-8, 0), (0, Int.max)] {
      try check(
        "{\(tensor("a", "F32", "[2]", "[\(begin),\(end)]"))}",
        .badOffsets(tensor: "a", begin: begin, end: end, expected: 8))
    }
    try check(
      "{\(tensor("a"))}", data: 7, .outsideFile(tensor: "a", end: 8, available: 7))
    try check("{\(tensor("a"))}", data: 9, .notCovered(expected: 9, actual: 8))
    try check("{}", data: 1, .notCovered(expected: 1, actual: 0))
    try check(
      "{\(tensor("a")),\(tensor("b", "F32", "[2]", "[12,20]"))}", data: 20,
      .notContiguous(tensor: "b", expected: 8, actual: 12))
    try check(
      "{\(tensor("a")),\(tensor("b", "F32", "[2]", "[4,12]"))}", data: 12,
      .notContiguous(tensor: "b", expected: 8, actual: 4))
    try check(
      "{\(tensor("a", "F32", "[2]", "[4,12]"))}", data: 12,
      .notContiguous(tensor: "a", expected: 0, actual: 4))
  }

  @Test func refusesLyingLengths() throws {
    for length in [UInt64(11), 1 << 40, .max] {
      let bytes = little(length) + Array("{}        ".utf8)
      #expect(
        try files.error(bytes)
          == .safetensors(path: files.path, .headerLength(length, limit: 10)))
    }
  }

  @Test func refusesOtherKinds() throws {
    func unsupported(_ bytes: [UInt8]) throws -> Bool {
      guard case .unsupportedKind = try files.error(bytes) else { return false }
      return true
    }
    #expect(try unsupported([]))
    #expect(try unsupported(Array("version https://git-lfs.github.com/spec/v1\n".utf8)))
    #expect(try unsupported(Array("<!DOCTYPE html><html></html>".utf8)))
    #expect(try unsupported([0x1F, 0x8B, 8, 0]))
    #expect(try unsupported(Array("\n <?xml version=\"1.0\"?><Error/>".utf8)))
    #expect(try unsupported(Array("GGUF\u{3}\0\0\0".utf8)))
    #expect(try unsupported([0x28, 0xB5, 0x2F, 0xFD]))
    #expect(try unsupported([0x89, 0x48, 0x44, 0x46, 13, 10, 26, 10]))
    #expect(try unsupported([UInt8](repeating: 0, count: 257) + Array("ustar\0".utf8)))
    #expect(try files.error([1, 2, 3]) == .unknownKind(path: files.path))
    #expect(
      throws: CheckpointError.file(.system(operation: "open", path: "/no/such", errno: 2))
    ) { try Checkpoint.open("/no/such") }
    #expect(throws: CheckpointError.file(.notRegularFile(path: "/dev/zero"))) {
      try Checkpoint.open("/dev/zero")
    }
  }

  @Test func refusesBadIndices() throws {
    try files.folder.write(file("{\(tensor("a"))}", data: 8), to: "one")
    func check(_ map: String, _ error: SafetensorsError, line: Int = #line) throws {
      let bytes = Array("{\"weight_map\":{\(map)}}".utf8)
      #expect(
        try files.error(bytes) == .safetensors(path: files.path, error), "line \(line)")
    }
    #expect(try files.open(Array("{\"weight_map\":{\"a\":\"one\"}}".utf8)).tensors.count == 1)
    try check("\"a\":\"one\",\"b\":\"one\"", .missingInShard(tensor: "b", shard: "one"))
    try check("\"b\":\"one\"", .notInIndex(tensor: "a", shard: "one"))
    for path in ["../one", "/etc/passwd", "", "x/../../one", "./one", "one\\u0000"] {
      try check("\"a\":\"\(path)\"", .shardPath(path == "one\\u0000" ? "one\0" : path))
    }
    try check("\"a\":1", .index("the shard of a is no string"))
    #expect(
      try files.error(Array("{\"weight_map\":{\"a\":\"two\"}}".utf8))
        == .file(.system(operation: "open", path: files.folder.file("two"), errno: 2)))
    #expect(
      try files.error(Array("{\"a\":1}".utf8))
        == .safetensors(
          path: files.path,
          .index("it has no weight_map, so that it is no index of shards")))
  }
}
