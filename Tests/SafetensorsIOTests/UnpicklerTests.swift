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

  /// What runs programs or changes files, wherever it stands.
  @Test func refusesHostileGlobals() throws {
    let none = code("N")
    for (module, name) in [
      ("os", "system"), ("builtins", "eval"), ("__builtin__", "exec"), ("posix", "system"),
      ("nt", "system"), ("subprocess", "Popen"), ("os", "remove"), ("shutil", "rmtree"),
    ] {
      try check(none, P.global(module, name), .globalNotAllowed("\(module).\(name)"))
    }
    try check(
      P.string("os") + P.string("system"), [0x93], .globalNotAllowed("os.system"))
  }

  /// Classes that only Python can build are leaves with a name, whatever is done to them.
  @Test func namesUnknownClasses() throws {
    func leaf(_ pickle: [UInt8]) throws -> CheckpointValue? {
      let dict = P.emptyDict + P.string("x") + pickle + P.setItem
      return try files.open(TestZip.checkpoint(P.start + dict + P.stop).bytes).leaves.first?.value
    }
    let namespace = P.global("argparse", "Namespace")
    #expect(try leaf(namespace + code(")") + [0x81]) == .other("argparse.Namespace"))
    let state = P.dict("lr", code("N"))
    #expect(
      try leaf(namespace + code(")") + [0x81] + state + code("b")) == .other("argparse.Namespace"))
    #expect(try leaf(namespace + code(")}") + [0x92]) == .other("argparse.Namespace"))
    let path = P.global("pathlib", "PosixPath") + P.string("/x") + [0x85]
    #expect(try leaf(path + code("R")) == .other("pathlib.PosixPath"))
    // What such an object holds is as unknown as it is.
    let filled = namespace + code(")R") + P.string("k") + code("Ns") + code("(Ne")
    #expect(try leaf(filled) == .other("argparse.Namespace"))
    #expect(try leaf(P.global("torch", "load")) == .other("torch.load"))
    let sparse = P.global("torch._utils", "_rebuild_sparse_tensor") + code(")R")
    #expect(try leaf(sparse) == .other("torch._utils._rebuild_sparse_tensor"))
    let dict = P.global("collections", "defaultdict") + P.global("builtins", "list") + [0x85]
    let entries = P.string("a") + code("Ns")
    #expect(try leaf(dict + code("R") + entries) == CheckpointValue.none)
  }

  /// Types that are not read don't stand in the way of tensors of other types.
  @Test func listsTypesThatAreNotRead() throws {
    for (storage, name, width) in [
      ("ComplexFloatStorage", "C64", 8), ("ComplexDoubleStorage", "C128", 16),
      ("QInt8Storage", "QINT8", 1), ("Float8_e5m2Storage", "F8_E5M2", 1),
    ] {
      let tensor = P.tensor(P.storage(3, type: storage), offset: 1, shape: [2], strides: [1])
      let bytes = (0..<3 * width).map { UInt8($0) }
      let archive = TestZip.checkpoint(
        P.start + P.dict("a", tensor) + P.stop, storages: ["0": bytes])
      let checkpoint = try files.open(archive.bytes)
      let found = try #require(checkpoint.tensor(named: "a"))
      #expect(found.typeName == name)
      #expect(found.shape == [2])
      #expect(found.byteCount == 2 * width)
      #expect(try checkpoint.digest(of: found) == SHA256Digest.digest(of: Array(bytes[width...])))
      #expect(throws: CheckpointError.storage(path: files.path, tensor: "a", .foreignType(name))) {
        try checkpoint.floats(of: found)
      }
    }
  }

  @Test func refusesOpcodes() throws {
    // INST, OBJ, PERSID, DUP, EXT1, NEXT_BUFFER, INT, text LONG, a second PROTO
    for opcode: UInt8 in [
      0x69, 0x6F, 0x50, 0x32, 0x82, 0x97, 0x49, 0x4C, 0x80, 0x00, 0xFF,
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

  /// The budget's word for what a pickle would take too much of.
  private func excess(_ pickle: [UInt8]) throws -> String? {
    let error = try files.error(TestZip.checkpoint(P.start + pickle + P.stop).bytes)
    switch error {
    case .pickle(_, let error):
      if case .budget(.memory(let what, _)) = error.reason { return what }
      if case .budget(.work(let what)) = error.reason { return what }
    case .flattening(_, .budget(.memory(let what, _))): return what
    case .flattening(_, .budget(.work(let what))): return what
    default: break
    }
    return error.map { "\($0)" }
  }

  private func repeated(_ bytes: [UInt8], _ count: Int) -> [UInt8] {
    Array(repeatElement(bytes, count: count).joined())
  }

  /// Few bytes must not become many values, whatever keeps them.
  @Test func refusesBombs() throws {
    // A list of 4000 elements, copied into a set 2000 times.
    let list = code("](") + repeated(code("N"), 4000) + code("eq\u{0}")
    let copy = P.global("builtins", "set") + code("h\u{0}") + [0x85] + code("R")
    #expect(try excess(list + repeated(copy, 2000)) == "containers")
    #expect(try excess(repeated(code("N"), 4_000_000)) == "values")
    #expect(try excess(code("N") + repeated([0x94], 4_000_000)) == "memo")
    #expect(try excess(repeated(code(")"), 4_000_000)) == "values")
    #expect(try excess(code("N") + repeated([0x85], 4_000_000)) == "containers")
    // Texts of a megabyte that are called up again and again.
    let long = P.string(String(repeating: "n", count: 1 << 20)) + code("q\u{0}0")
    let names = long + repeated(code("h\u{0}h\u{0}") + [0x93] + code("0"), 1000) + code("N")
    #expect(try excess(names) == "interpreting its pickle")
    let encoded = P.global("_codecs", "encode") + code("h\u{0}") + P.string("latin1") + [0x86]
    #expect(try excess(long + repeated(encoded + code("R"), 1000)) == "interpreting its pickle")
  }

  /// Names that grow in number exponentially, and containers that contain themselves.
  @Test func refusesEndlessContainers() throws {
    let tensor = P.tensor(P.storage(0), shape: [0], strides: [1])
    // l = [tensor]; l.append(l)
    let endless = code("]q\u{0}") + tensor + code("ah\u{0}a")
    let path = (0..<64).map { _ in "1" }.joined(separator: ".")
    let error = try files.error(TestZip.checkpoint(P.start + endless + P.stop).bytes)
    guard case .flattening(_, let reason) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(reason == .tooDeep(path: path, limit: 64))
    // Each list holds the one before four times.
    for start in [code("N"), tensor] {
      var billions = start
      for _ in 0..<30 { billions += code("q\u{0}](h\u{0}h\u{0}h\u{0}h\u{0}e") }
      #expect(try excess(billions) == "entries and their names")
    }
    // Names of a megabyte each.
    let long = String(repeating: "n", count: 1 << 20)
    var names = P.string(long) + code("q\u{0}0").dropLast()
    names = code("}(") + names + code("N")
    for index in 0..<300 { names += P.string("\(index)") + code("}h\u{0}Ns") }
    #expect(try excess(names + code("u")) == "entries and their names")
    let twice = code("}(") + P.string("a") + code("N") + P.string("a") + code("Nu")
    #expect(
      try files.error(TestZip.checkpoint(P.start + twice + P.stop).bytes)
        == .flattening(path: files.path, .duplicateName("a")))
  }

  /// Lists without tensors are leaves, also where they nest deeply or contain themselves.
  @Test func survivesDeepNesting() throws {
    let chain = P.start + code("N") + repeated([0x85], 200_000) + P.stop
    let leaves = try files.open(TestZip.checkpoint(chain).bytes).leaves
    #expect(leaves.map(\.value) == [.other("tuple of 1 entries")])
    let endless = P.start + code("]q\u{0}h\u{0}a") + P.stop
    #expect(
      try files.open(TestZip.checkpoint(endless).bytes).leaves.map(\.value)
        == [.other("list of 1 entries")])
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
