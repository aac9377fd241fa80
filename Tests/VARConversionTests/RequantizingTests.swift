import Foundation
import SafetensorsIO
import TensorBytes
import TestSupport
import Testing
import VARConversion
import VARModel
import VARQuant

/// Conversion of what was converted before, and its labels.
@Suite struct RequantizingTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private static let model = Repository.fixture("models/per-block/")
  private static let checkpoints = [model + "var.pth", model + "vae.pth"]

  @discardableResult
  private func convert(
    _ sources: [String], _ type: String, to name: String, overrides: [String] = []
  ) throws -> VarqFile {
    let model = try SourceModel.open(others: sources)
    let recipe = try ConversionRecipe(type: type, overrides: overrides)
    _ = try Converter(ConversionPlan(model, Survey(model), recipe)).write(
      to: output(folder.file(name)))
    return try VarqFile(folder.file(name))
  }

  private func contents(_ file: VarqFile) -> [String] {
    file.tensors.map { "\($0.name) \($0.format) \(SHA256Digest.hex($0.checksum))" }
  }

  /// From f32, nothing shows that a file lies between; from q8, the coarser formats are those of its
  /// values.
  @Test(arguments: ["q8", "f16", "bf16", "q4", "mix4.25"]) func fromF32IsFromTheSource(type: String)
    throws
  {
    try convert(Self.checkpoints, "f32", to: "f32.varq")
    let direct = try convert(Self.checkpoints, type, to: "direct.varq")
    let twice = try convert([folder.file("f32.varq")], type, to: "twice.varq")
    #expect(contents(twice) == contents(direct))
    #expect(twice.metadata["source.sha256"] == direct.metadata["source.sha256"])
    #expect(twice.metadata["source.roles"] == direct.metadata["source.roles"])
    #expect(try ModelFile(twice).weightsChecksum == ModelFile(direct).weightsChecksum)
  }

  /// A format that a tensor has already is copied, and a chain of files is remembered.
  @Test func theChainIsKept() throws {
    let first = try convert(Self.checkpoints, "q8", to: "first.varq")
    let second = try convert(
      [folder.file("first.varq")], "q8", to: "second.varq", overrides: ["var\\.head\\.weight=q4"])
    #expect(
      contents(second).filter { !$0.contains("var.head.weight") }
        == contents(first).filter { !$0.contains("var.head.weight") })
    #expect(second["var.head.weight"]?.format == .q4)
    let link = SHA256Digest.hex(first.checksum) + " q8"
    #expect(second.metadata["convert.chain"] == .stringList([link]))
    let third = try convert([folder.file("first.varq")], "f32", to: "f32.varq")
    let last = try convert([folder.file("f32.varq")], "bf16", to: "last.varq")
    #expect(
      last.metadata["convert.chain"]
        == .stringList([link, SHA256Digest.hex(third.checksum) + " f32"]))
    #expect(last.metadata["source.sha256"] == first.metadata["source.sha256"])
    // Every value of the f32 file is the q8 file's.
    for tensor in first.tensors { #expect(try third[tensor.name]?.floats() == tensor.floats()) }
  }

  @Test func whatCannotBeConvertedAgainIsRefused() throws {
    let coarse = folder.file("q4.varq")
    try convert(Self.checkpoints, "q4", to: "q4.varq")
    let error = #expect(throws: ConversionError.self) { try SourceModel.open(others: [coarse]) }
    #expect(error?.description.contains("in q4") == true)
    let fine = folder.file("q8.varq")
    try convert(Self.checkpoints, "q8", to: "q8.varq")
    #expect(throws: ConversionError.notAlone(path: fine)) {
      try SourceModel.open(others: [fine, Self.checkpoints[1]])
    }
    #expect(throws: ConversionError.notAlone(path: fine)) {
      try SourceModel.open(transformer: fine, tokenizer: Self.checkpoints[1])
    }
    #expect(throws: ConversionError.settled(path: fine)) {
      try SourceModel.open(others: [fine], options: ConversionOptions(heads: 2))
    }
  }

  @Test func aDamagedTensorIsFound() throws {
    let file = try convert(Self.checkpoints, "q8", to: "q8.varq")
    let offset = try #require(file["var.head.weight"]).bytes.lowerBound
    var bytes = try Data(contentsOf: URL(filePath: folder.file("q8.varq")))
    bytes[offset] ^= 1
    try bytes.write(to: URL(filePath: folder.file("bad.varq")))
    let model = try SourceModel.open(others: [folder.file("bad.varq")])
    let error = #expect(throws: ConversionError.self) { try Survey(model) }
    #expect(error?.description.contains("var.head.weight") == true)
    let annotator = try Annotator(folder.file("bad.varq"))
    #expect(throws: ConversionError.self) {
      try annotator.write(to: output(folder.file("x.varq")))
    }
    #expect(!FileManager.default.fileExists(atPath: folder.file("x.varq")))
  }

  /// Labels change, tensors do not; what was said stays through a conversion, and can be taken back.
  @Test func labels() throws {
    let before = try convert(Self.checkpoints, "q8", to: "before.varq")
    let names = (0..<8).map { "name \($0)" }
    let list = try folder.write(Array(names.joined(separator: "\n").utf8), to: "names.txt")
    var annotator = try Annotator(folder.file("before.varq"))
    try annotator.nameClasses(from: list)
    try annotator.set("name", "birds")
    try annotator.set("my.own", "x = y")
    try annotator.write(to: output(folder.file("after.varq")))
    let after = try VarqFile(folder.file("after.varq"))
    #expect(contents(after) == contents(before))
    #expect(after.checksum != before.checksum)
    #expect(try ModelFile(after).weightsChecksum == ModelFile(before).weightsChecksum)
    #expect(try ModelFile(after).configuration.classNames == names)
    #expect(after.metadata["about.name"] == .string("birds"))
    #expect(after.metadata["about.my.own"] == .string("x = y"))
    let again = try convert([folder.file("after.varq")], "bf16", to: "again.varq")
    #expect(again.metadata["about.name"] == .string("birds"))
    #expect(try ModelFile(again).configuration.classNames == names)
    #expect(try ModelFile(again).weightsChecksum != ModelFile(before).weightsChecksum)
    var back = try Annotator(folder.file("after.varq"))
    try back.set("name", "")
    try back.set("my.own", "")
    try back.write(to: output(folder.file("back.varq")))
    let taken = try VarqFile(folder.file("back.varq"))
    #expect(taken.metadata["about.name"] == nil)
    #expect(taken.metadata["convert.recipe"] == before.metadata["convert.recipe"])
  }

  @Test(arguments: ["", "Name", "a b", "ä", String(repeating: "k", count: 250)])
  func otherKeysAreRefused(key: String) throws {
    try convert(Self.checkpoints, "q8", to: "q8.varq")
    var annotator = try Annotator(folder.file("q8.varq"))
    #expect(throws: AnnotationError.key(key)) { try annotator.set(key, "x") }
  }
}
