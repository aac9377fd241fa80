import SafetensorsIO
import TensorBytes
import Testing

/// Pickles that must be refused, each with its exact error; and that the refusals are not too many.
@Suite struct UnpicklerTests {
  private typealias P = TestPickle
  private let files: OpeningBytes
  /// Twelve bytes: three f32.
  private let storages = ["0": [UInt8](repeating: 1, count: 12)]

  init() throws { files = try OpeningBytes() }

  /// The reason, and how far beyond `prefix` its opcode begins.
  private func check(
    _ prefix: [UInt8], _ rest: [UInt8], _ reason: PickleError.Reason, at extra: Int = 0,
    line: Int = #line
  ) throws {
    let pickle = P.start + prefix + rest
    let error = try files.error(TestZip.checkpoint(pickle, storages: storages).bytes)
    let expected = PickleError(offset: 2 + prefix.count + extra, reason: reason)
    #expect(error == .pickle(path: files.path, expected), "line \(line)")
  }

  private func code(_ text: String) -> [UInt8] { Array(text.utf8) }

  @Test func refusesGlobals() throws {
    let none = code("N")
    for (module, name) in [
      ("os", "system"), ("builtins", "eval"), ("builtins", "getattr"), ("posix", "system"),
      ("numpy.core.multiarray", "scalar"), ("torch.storage", "_load_from_bytes"),
      ("torch", "load"), ("argparse", "Namespace"), ("", ""),
    ] {
      try check(none, P.global(module, name), .globalNotAllowed("\(module).\(name)"))
    }
    try check(
      P.string("os") + P.string("system"), [0x93], .globalNotAllowed("os.system"))
    for (module, name) in [
      ("torch", "ComplexFloatStorage"), ("torch", "QInt8Storage"),
      ("torch", "float8_e4m3fn"), ("torch._utils", "_rebuild_sparse_tensor"),
      ("torch._utils", "_rebuild_meta_tensor_no_storage"),
    ] {
      try check(none, P.global(module, name), .globalNotSupported("\(module).\(name)"))
    }
  }

  @Test func refusesOpcodes() throws {
    // INST, OBJ, NEWOBJ_EX, PERSID, DUP, POP, EXT1, NEXT_BUFFER, INT, text LONG, a second PROTO
    for opcode: UInt8 in [
      0x69, 0x6F, 0x92, 0x50, 0x32, 0x30, 0x82, 0x97, 0x49, 0x4C, 0x80, 0x00, 0xFF,
    ] {
      try check(code("N"), [opcode], .opcodeNotAllowed(opcode))
    }
  }

  @Test func refusesBrokenStacks() throws {
    try check([], code("."), .stackUnderflow)
    try check([], code("t"), .noMark)
    try check([], code("a"), .stackUnderflow)
    try check(code("N("), code("a"), .stackUnderflow)
    try check(code("N"), [0x86], .stackUnderflow)
    try check([], code("h\u{5}"), .noMemo(5))
    try check([], code("j") + little(UInt32(7)), .noMemo(7))
    try check(code("NN"), code("a"), .wrongType(expected: "list", actual: "None"))
    try check(code("}N"), code("a"), .wrongType(expected: "list", actual: "dict"))
    try check(code("]NN"), code("s"), .wrongType(expected: "dict", actual: "list"))
    try check(code("}(N"), code("u"), .keyWithoutValue)
    try check(code("](N"), [0x90], .wrongType(expected: "set", actual: "list"))
    try check(code("NN"), code("b"), .wrongType(expected: "OrderedDict or Tensor", actual: "None"))
    try check(code("NN"), [0x93], .wrongType(expected: "str", actual: "None"))
  }

  @Test func refusesCalls() throws {
    try check(code("N)"), code("R"), .notCallable("None"))
    try check(code("NN"), code("R"), .wrongType(expected: "tuple", actual: "None"))
    try check(
      P.global("torch", "FloatStorage") + code(")"), code("R"), .notCallable("storage of F32"))
    try check(
      P.global("torch._utils", "_rebuild_tensor_v2") + code(")"), code("R"),
      .badArguments(function: "torch._utils._rebuild_tensor_v2"))
    try check(
      P.global("torch._utils", "_rebuild_parameter") + code("N") + [0x85], code("R"),
      .badArguments(function: "torch._utils._rebuild_parameter"))
    try check(
      P.global("collections", "OrderedDict") + code("N") + [0x85], code("R"),
      .badArguments(function: "collections.OrderedDict"))
    try check(
      P.global("_codecs", "encode") + P.string("€") + P.string("latin1") + [0x86], code("R"),
      .badArguments(function: "_codecs.encode"))
  }

  @Test func refusesTruncation() throws {
    func truncated(_ offset: Int, _ wanted: Int, _ available: Int) -> PickleError.Reason {
      .reading(.truncated(offset: offset, wanted: wanted, available: available))
    }
    try check(code("N"), [], truncated(3, 1, 0))
    try check([], code("J\u{1}"), truncated(3, 4, 1))
    try check([], code("X") + little(UInt32(100)) + code("ab"), truncated(7, 100, 2))
    try check([], [0x8D] + little(UInt64(1 << 62)), truncated(11, 1 << 62, 0))
    try check(
      [], [0x8D] + little(UInt64.max), .reading(.sizeTooLarge(offset: 3, value: .max)))
    try check([], [0x8B] + little(Int32(-1)), truncated(7, -1, 0))
    try check([], code("X") + little(UInt32(1)) + [0xFF], .reading(.invalidUTF8(offset: 7)))
    try check([], code("cos"), truncated(3, 3, 2))
  }

  @Test func refusesBadStorages() throws {
    try check(P.string("storage"), code("Q"), .badPersistentID)
    try check(P.ints([1, 2, 3, 4, 5]), code("Q"), .badPersistentID)
    func partial(_ storage: [UInt8]) -> [UInt8] { storage.dropLast() }
    for count in [-1, Int.max] {
      try check(
        partial(P.storage(count)), code("Q"),
        .badView(key: "0", "\(count) elements of F32 are no size"))
    }
    try check(
      P.storage(3) + partial(P.storage(2)), code("Q"), .storageConflict(key: "0"))
    try check(
      P.storage(3) + partial(P.storage(3, type: "IntStorage")), code("Q"),
      .storageConflict(key: "0"))
  }

  @Test func refusesViewsOutsideTheirStorage() throws {
    func check(
      _ offset: Int, _ shape: [Int], _ strides: [Int], _ reason: PickleError.Reason,
      line: Int = #line
    ) throws {
      let call = P.tensorCall(P.storage(3), offset: offset, shape: shape, strides: strides)
      try self.check(call, P.reduce, reason, line: line)
    }
    func outside(_ needed: Int) -> PickleError.Reason {
      .viewOutsideStorage(key: "0", needed: needed, available: 12)
    }
    try check(0, [4], [1], outside(16))
    try check(3, [1], [1], outside(16))
    try check(3, [], [], outside(16))
    try check(1, [2], [2], outside(16))
    try check(0, [2, 2], [2, 1], outside(16))
    try check(0, [2], [1, 1], .badView(key: "0", "1 dimensions with 2 strides"))
    try check(
      0, [3], [-1], .badView(key: "0", "offset 0 and strides [-1] must not be negative"))
    try check(
      -1, [1], [1], .badView(key: "0", "offset -1 and strides [1] must not be negative"))
    for (shape, strides) in [([Int.max, 2], [0, 0]), ([-1], [1]), ([1 << 62], [0])] {
      let type = shape == [1 << 62] ? " of F32" : ""
      try check(
        0, shape, strides,
        .badView(
          key: "0",
          "shape \(shape)\(type) is not a valid size (negative, or too large for 64 bits)"))
    }
    try check(
      0, [2], [Int.max],
      .badView(
        key: "0",
        "9223372036854775807 + 1 is not a valid size (negative, or too large for 64 bits)"))
    try check(
      0, [1 << 40], [0],
      .badView(key: "0", "shape [1099511627776] repeats elements beyond 1073741824 bytes"))
  }

  /// Few bytes must not become many values.
  @Test func refusesBombs() throws {
    let limit = PickleError.Reason.tooLarge(what: "values", limit: 4_000_000)
    // A list of 2000 elements, copied into a set 2000 times: 4 million from some kilobytes.
    let list = code("](") + [UInt8](repeating: 0x4E, count: 2000) + code("eq\u{0}")
    let copy = P.global("builtins", "set") + code("h\u{0}") + [0x85] + code("R")
    var pickle = P.start + list
    for _ in 0..<2000 { pickle += copy }
    let error = try files.error(TestZip.checkpoint(pickle + P.stop).bytes)
    guard case .pickle(_, let bomb) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(bomb.reason == limit)
  }

  /// Names that grow in number exponentially, and containers that contain themselves.
  @Test func refusesEndlessContainers() throws {
    func flattening(_ pickle: [UInt8]) throws -> FlatteningError? {
      let error = try files.error(TestZip.checkpoint(P.start + pickle + P.stop).bytes)
      guard case .flattening(_, let reason) = error else { return nil }
      return reason
    }
    // l = []; l.append(l)
    let path = (0..<65).map { _ in "0" }.joined(separator: ".")
    #expect(
      try flattening(code("]q\u{0}h\u{0}a")) == .tooDeep(path: path, limit: 64))
    // Each list holds the one before four times.
    var billions = code("N")
    for _ in 0..<30 { billions += code("q\u{0}](h\u{0}h\u{0}h\u{0}h\u{0}e") }
    #expect(try flattening(billions) == .tooLarge(what: "entries", limit: 2_000_000))
    // Names of a megabyte each.
    let long = String(repeating: "n", count: 1 << 20)
    var names = P.string(long) + code("q\u{0}0").dropLast()
    names = code("}(") + names + code("N")
    for index in 0..<300 { names += P.string("\(index)") + code("}h\u{0}Ns") }
    #expect(
      try flattening(names + code("u")) == .tooLarge(what: "bytes of names", limit: 256 << 20))
    let twice = code("}(") + P.string("a") + code("N") + P.string("a") + code("Nu")
    #expect(try flattening(twice) == .duplicateName("a"))
    let mixed = code("}(") + P.string("1") + code("N") + P.int(1) + code("Nu")
    #expect(try flattening(mixed) == .duplicateName("1"))
  }

  /// A million nested lists are released without recursion.
  @Test func survivesDeepNesting() throws {
    let chain = [UInt8](repeating: 0x85, count: 1_000_000)
    let pickle = P.start + code("N") + chain + P.stop
    let error = try files.error(TestZip.checkpoint(pickle).bytes)
    let path = (0..<65).map { _ in "0" }.joined(separator: ".")
    #expect(
      error == .flattening(path: files.path, .tooDeep(path: path, limit: 64)))
  }

  @Test func acceptsWhatItShould() throws {
    let view = P.tensor(P.storage(3), offset: 1, shape: [2], strides: [1])
    let empty = P.tensor(P.storage(3), offset: 100, shape: [0, 5], strides: [5, 1])
    let pickle = P.start + code("}(") + P.string("a") + view + P.string("e") + empty + code("u.")
    var bytes: [UInt8] = []
    for value: Float in [1, 2, 3] { bytes += little(value.bitPattern) }
    let checkpoint = try files.open(TestZip.checkpoint(pickle, storages: ["0": bytes]).bytes)
    let tensor = try #require(checkpoint.tensor(named: "a"))
    #expect(try checkpoint.floats(of: tensor) == [2, 3])
    #expect(checkpoint.tensor(named: "e")?.shape == [0, 5])
  }
}
