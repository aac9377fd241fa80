import SafetensorsIO
import TensorBytes
import TestSupport
import Testing
import VARConversion
import VARModel
import VARQuant

/// Checkpoints whose weights cannot be stored as wanted; copies of a fixture with one weight changed.
@Suite struct RefusalTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// The fixture `plain`'s VQ-VAE in f32 with the first value of a tensor replaced.
  private func model(_ tensor: String, _ value: Float) throws -> SourceModel {
    let source = try Checkpoint.open(Repository.fixture("models/plain/vae.pth"))
    let path = folder.file("changed.safetensors")
    let writer = try SafetensorsWriter(
      output(path),
      entries: source.tensors.map { SafetensorsEntry(name: $0.name, type: .f32, shape: $0.shape) })
    for entry in source.tensors {
      var values = try source.floats(of: entry)
      if entry.name == tensor { values[0] = value }
      try unsafe values.withUnsafeBytes { try unsafe writer.append($0) }
    }
    try writer.finish()
    return try SourceModel.recognize(
      others: [Checkpoint.open(path)], options: ConversionOptions(patchNumbers: [1, 2, 4]))
  }

  private static let weight = "decoder.mid.block_1.conv1.weight"

  @Test(arguments: [Float.nan, .infinity, -.infinity, .signalingNaN])
  func whatIsNotFiniteIsRefusedByName(value: Float) throws {
    for name in [Self.weight, "quantize.embedding.weight"] {
      let model = try model(name, value)
      let path = folder.file("changed.safetensors")
      #expect(throws: ConversionError.notFinite(path: path, tensor: name)) {
        _ = try Survey(model)
      }
    }
  }

  struct Range: Sendable {
    let wanted: TensorFormat
    let value: Float
    let result: TensorFormat
  }

  /// What the wanted format cannot hold stays f32.
  @Test(arguments: [
    Range(wanted: .q8, value: 8_319_008, result: .q8),
    Range(wanted: .q8, value: 8_319_009, result: .f32),
    Range(wanted: .q4, value: 100, result: .q8),  // a row of which one block is much larger
    Range(wanted: .q4, value: 8_319_009, result: .f32),
    Range(wanted: .q4, value: 2e9, result: .f32),
    Range(wanted: .f16, value: 65_519.9, result: .f16),
    Range(wanted: .f16, value: -65_520, result: .f32),
    Range(wanted: .bf16, value: 0x1.FEFFp127, result: .bf16),
    Range(wanted: .bf16, value: 0x1.FFp127, result: .f32),
    Range(wanted: .f32, value: .greatestFiniteMagnitude, result: .f32),
  ])
  func valuesBeyondTheFormatStayF32(range: Range) throws {
    let model = try model(Self.weight, range.value)
    let plan = try ConversionPlan(model, Survey(model), ConversionRecipe(range.wanted))
    let tensor = try #require(plan.tensors.first { $0.target.name == "vae." + Self.weight })
    #expect(tensor.target.format == range.result)
    #expect((tensor.note == nil) == (range.wanted == range.result))
    _ = try Converter(plan).write(to: output(folder.file("model.varq")))
    let file = try VarqFile(folder.file("model.varq"))
    let written = try #require(file["vae." + Self.weight])
    #expect(try file.defect(of: written) == nil)
  }

  @Test func overridesBeyondTheRangeAreRefused() throws {
    let model = try model(Self.weight, 70_000)
    let recipe = ConversionRecipe(.q8, overrides: [try FormatOverride("mid.block_1=f16")])
    #expect(
      throws: RecipeError.range(
        tensor: "vae." + Self.weight, maximum: 70_000, override: "mid.block_1=f16")
    ) {
      _ = try ConversionPlan(model, Survey(model), recipe)
    }
  }

  /// A width of 48 suits no blocks of 32: such matrices are f16, those of 4·48 columns are q8.
  @Test func widthsThatSuitNoBlocksGetF16() throws {
    let configuration = TransformerConfiguration(
      depth: 1, width: 48, heads: 3, hiddenWidth: 192, vocabulary: 128, latentChannels: 32,
      classes: 4, patchNumbers: [1, 2, 3, 4, 5, 6, 8, 10, 13, 16], adaLN: .perBlock,
      attention: .l2Normalized)
    let manifest = TensorManifest(
      ModelConfiguration(transformer: configuration, tokenizer: nil)
    ).tensors
    let path = folder.file("narrow.safetensors")
    let writer = try SafetensorsWriter(
      output(path),
      entries: manifest.map {
        SafetensorsEntry(name: $0.upstreamName, type: .f32, shape: $0.upstreamShape)
      })
    for tensor in manifest {
      let values = [Float](repeating: 0.5, count: tensor.upstreamShape.reduce(1, *))
      try unsafe values.withUnsafeBytes { try unsafe writer.append($0) }
    }
    try writer.finish()
    let model = try SourceModel.recognize(others: [Checkpoint.open(path)])
    let plan = try ConversionPlan(model, Survey(model), ConversionRecipe())
    let matrices = plan.tensors.filter { $0.specification.role == .matrix }
    let formats = matrices.reduce(into: [:]) { $0[$1.target.name] = $1.target.format }
    #expect(formats["var.blocks.0.attn.mat_qkv.weight"] == .f16)
    #expect(formats["var.blocks.0.ffn.fc2.weight"] == .q8)
    #expect(formats["var.blocks.0.attn.proj.weight"] == .f32, "2304 elements are few")
    let note = "the shape does not suit the chosen format"
    #expect(matrices.allSatisfy { ($0.note == note) == ($0.target.format == .f16) })
  }

  @Test func classNamesMustBeAsManyAsClasses() throws {
    var model = try SourceModel.recognize(
      others: [Checkpoint.open(Repository.fixture("models/plain/var.pth"))])
    let classes = 6
    func write(_ text: String) throws -> String {
      try folder.write(Array(text.utf8), to: "names.txt")
    }
    try model.nameClasses(from: nil)
    #expect(model.configuration.classNames == [])
    // Behind a byte order mark.
    try model.nameClasses(from: write("\u{feff}red sneaker\r\nb\nc\nd\né\nf"))
    #expect(model.configuration.classNames == ["red sneaker", "b", "c", "d", "é", "f"])
    let path = try write("a\nb\n")
    #expect(throws: ConversionError.classNames(path: path, count: 2, classes: classes)) {
      try model.nameClasses(from: path)
    }
    let binary = try folder.write([0xFF, 0xFE], to: "names.bin")
    #expect(throws: ConversionError.notText(path: binary)) { try model.nameClasses(from: binary) }
    var tokenizer = try self.model(Self.weight, 1)
    #expect(throws: ConversionError.noClasses) { try tokenizer.nameClasses(from: path) }
  }

  /// The tensors of a `.varq` file must be those of its configuration.
  @Test func foreignTensorsAreNoModel() throws {
    let model = try model(Self.weight, 1)
    let plan = try ConversionPlan(model, Survey(model), ConversionRecipe(.f32))
    let path = folder.file("foreign.varq")
    func write(_ tensors: [TensorPlan]) throws {
      let writer = try VarqWriter(output(path), metadata: plan.metadata(), tensors: tensors)
      for tensor in tensors {
        try writer.append([Float](repeating: 0, count: tensor.shape.reduce(1, *)))
      }
      try writer.finish()
    }
    let targets = plan.tensors.map(\.target)
    try write(Array(targets.dropFirst()))
    #expect(
      throws: ModelFileError(path: path, tensor: targets[0].name, problem: .missing)
    ) {
      _ = try ModelFile(path)
    }
    try write(targets + [TensorPlan(name: "vae.extra", format: .f32, shape: [1])])
    #expect(
      throws: ModelFileError(path: path, tensor: "vae.extra", problem: .surplus)
    ) {
      _ = try ModelFile(path)
    }
    let codebook = "vae.quantize.embedding.weight"
    try write(
      targets.map {
        TensorPlan(name: $0.name, format: $0.name == codebook ? .q8 : .f32, shape: $0.shape)
      })
    #expect(
      throws: ModelFileError(
        path: path, tensor: codebook, problem: .format(.q8, role: .codebook))
    ) {
      _ = try ModelFile(path)
    }
    let flat = TensorPlan(name: targets[0].name, format: .f32, shape: [1])
    try write([flat] + targets.dropFirst())
    #expect(
      throws: ModelFileError(
        path: path, tensor: flat.name,
        problem: .shape(expected: targets[0].shape, actual: [1]))
    ) {
      _ = try ModelFile(path)
    }
  }
}
