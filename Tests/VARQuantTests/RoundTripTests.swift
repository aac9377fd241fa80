import TensorBytes
import TestSupport
import Testing
import VARQuant

@Suite struct RoundTripTests {
  /// Composed and decomposed accents, equal as Swift's strings, are two names.
  @Test func namesAreBytes() throws {
    let folder = try TemporaryFolder()
    let names = ["\u{E9}", "e\u{301}"]
    let path = try SampleFile.write(
      folder, plans: names.map { TensorPlan(name: $0, format: .f32, shape: [1]) },
      values: [[1], [2]])
    let file = try VarqFile(path)
    #expect(try names.map { try file[$0]?.floats() } == [[1], [2]])
    #expect(throws: VarqWriterError.plan(.duplicateTensor(name: "a"))) {
      try SampleFile.write(
        folder, plans: ["a", "a"].map { TensorPlan(name: $0, format: .f32, shape: [1]) })
    }
  }

  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test func everythingComesBack() throws {
    let file = try VarqFile(SampleFile.write(folder))
    #expect(file.metadata == SampleFile.metadata)
    #expect(file.minorVersion == 0)
    #expect(file.tensors.map(\.name) == ["b", "w"])
    #expect(file.tensors.map(\.shape) == [[3], [2, 32]])
    #expect(file.tensors.map(\.format) == [.f32, .q8])
    #expect(try file.tensors.map { try $0.floats() } == SampleFile.values)
    #expect(try file["w"]?.matrix.floats(rows: 1..<2) == [Float](repeating: 0, count: 32))
    #expect(file["c"] == nil)
    for tensor in file.tensors { #expect(try file.defect(of: tensor) == nil) }
  }

  @Test func sameInputGivesSameBytes() throws {
    let first = try SampleFile.bytes(SampleFile.write(folder, name: "first.varq"))
    let second = try SampleFile.bytes(SampleFile.write(folder, name: "second.varq"))
    #expect(first == second)
  }

  /// Writing again what was read gives the file that was read.
  @Test(arguments: TensorFormat.allCases)
  func rewritingGivesSameBytes(format: TensorFormat) throws {
    let plan = TensorPlan(name: "w", format: format, shape: [5, 3, 64])
    let values = (0..<960).map { Float(($0 * 7919) % 1013) / 64 - 8 }
    let path = try SampleFile.write(folder, plans: [plan], values: [values])
    let file = try VarqFile(path)
    let tensor = try #require(file["w"])
    let again = folder.file("again.varq")
    let writer = try VarqWriter(output(again), metadata: file.metadata, tensors: [plan])
    try unsafe file.file.withBytes(in: tensor.bytes) { try unsafe writer.append($0) }
    try writer.finish()
    #expect(try SampleFile.bytes(path) == SampleFile.bytes(again))
    #expect(
      try VarqWriter.fileSize(metadata: file.metadata, tensors: [plan]) == file.file.count)
  }

  @Test func everyMetadataTypeComesBack() throws {
    let metadata = Metadata([
      "a.number": .unsigned(.max), "a.real": .double(-0.1), "a.truth": .boolean(true),
      "b.text": .string("naïve\n"), "c.numbers": .unsignedList([0, 1, .max]),
      "c.reals": .doubleList([.pi, -0.0]), "c.texts": .stringList(["", "tench", "大熊猫"]),
      "d.empty": .stringList([]), "d.none": .unsignedList([]),
    ])
    let path = try SampleFile.write(folder, metadata: metadata, plans: [], values: [])
    let file = try VarqFile(path)
    #expect(file.metadata == metadata)
    #expect(throws: MetadataError.wrongType(key: "b.text", expected: "u64", actual: "string")) {
      try file.metadata.unsigned("b.text")
    }
    #expect(throws: MetadataError.missing(key: "e")) { try file.metadata.string("e") }
  }

  /// Large tensors begin on a page, small ones on a cache line.
  @Test func tensorsAreAligned() throws {
    let plans = [
      TensorPlan(name: "a", format: .f16, shape: [7]),
      TensorPlan(name: "b", format: .f32, shape: [128, 128]),
      TensorPlan(name: "c", format: .f32, shape: [16_383]),
      TensorPlan(name: "d", format: .f32, shape: []),
    ]
    let values = plans.map { [Float](repeating: 1, count: $0.shape.reduce(1, *)) }
    let file = try VarqFile(SampleFile.write(folder, plans: plans, values: values))
    let offsets = file.tensors.map(\.bytes.lowerBound)
    #expect(offsets.map { $0 % 64 } == [0, 0, 0, 0])
    #expect(offsets[1] == 4096)
    #expect(offsets[2] == 4096 + 65_536)
    #expect(file.tensors[3].count == 1)
  }

  @Test func plansThatBreakTheFormatAreRefused() throws {
    func refusal(_ plans: [TensorPlan], _ metadata: Metadata = Metadata()) -> VarqWriterError? {
      #expect(throws: VarqWriterError.self) {
        _ = try VarqWriter(output(folder.file("x.varq")), metadata: metadata, tensors: plans)
      }
    }
    let plan = TensorPlan(name: "w", format: .f32, shape: [2])
    #expect(refusal([plan, plan]) == .plan(.duplicateTensor(name: "w")))
    #expect(
      refusal([TensorPlan(name: "w", format: .q8, shape: [2, 33])])
        == .plan(.shape(tensor: "w", shape: [2, 33], format: .q8)))
    #expect(
      refusal([TensorPlan(name: "w", format: .f32, shape: [2, 0])])
        == .plan(.shape(tensor: "w", shape: [2, 0], format: .f32)))
    #expect(
      refusal([TensorPlan(name: "", format: .f32, shape: [2])])
        == .plan(.tensorName(offset: 0, length: 0)))
    #expect(refusal([], Metadata(["A": .boolean(true)])) == .plan(.metadataKey(offset: 0)))
    #expect(
      refusal([], Metadata(["a": .double(.nan)]))
        == .plan(.metadataValue(key: "a", expected: "finite")))
  }

  @Test func bytesMustBeThoseOfThePlan() throws {
    let plan = TensorPlan(name: "w", format: .f32, shape: [2])
    let writer = try VarqWriter(
      output(folder.file("x.varq")), metadata: Metadata(), tensors: [plan])
    #expect(throws: VarqWriterError.byteCount(tensor: "w", planned: 8, written: 12)) {
      try writer.append([1, 2, 3])
    }
    try writer.append([1])
    #expect(throws: VarqWriterError.byteCount(tensor: "w", planned: 8, written: 4)) {
      try writer.finish()
    }
  }
}
