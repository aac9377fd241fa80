import SafetensorsIO
import TensorBytes
import TestSupport
import Testing
import VARConversion
import VARModel
import VARQuant

/// Conversion of the committed checkpoints, and back.
@Suite struct ConversionTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private static func model(_ name: String) throws -> SourceModel {
    let path = "models/\(name)/"
    return try SourceModel.recognize(
      transformer: Checkpoint.open(Repository.fixture(path + "var.pth")),
      tokenizer: Checkpoint.open(Repository.fixture(path + "vae.pth")))
  }

  private func convert(
    _ name: String, _ recipe: ConversionRecipe = ConversionRecipe(), to file: String = "model.varq"
  ) throws -> ConversionReport {
    let model = try Self.model(name)
    let plan = try ConversionPlan(model, Survey(model), recipe)
    return try Converter(plan).write(to: output(folder.file(file)))
  }

  /// Every value of an f32 file is the source's, convolutions with their channels last.
  @Test(arguments: ["per-block", "shared", "plain"]) func f32KeepsEveryValue(name: String) throws {
    _ = try convert(name, ConversionRecipe(.f32))
    let file = try VarqFile(folder.file("model.varq"))
    let model = try Self.model(name)
    #expect(file.tensors.count == model.bindings.count)
    for binding in model.bindings {
      let specification = binding.specification
      let tensor = try #require(file[specification.name])
      #expect(tensor.shape == specification.storedShape)
      let source = try binding.source.upstreamFloats()
      #expect(try tensor.floats() == Self.stored(source, specification), "\(specification.name)")
    }
  }

  /// [Cout, Cin, kh, kw] as [Cout, kh, kw, Cin], element by element.
  private static func stored(_ values: [Float], _ tensor: TensorSpecification) -> [Float] {
    guard tensor.role == .convolution else { return values }
    let shape = tensor.upstreamShape
    let (channels, area) = (shape[1], shape[2] * shape[3])
    return values.indices.map { index in
      let (row, rest) = index.quotientAndRemainder(dividingBy: channels * area)
      let (position, channel) = rest.quotientAndRemainder(dividingBy: channels)
      return values[row * channels * area + channel * area + position]
    }
  }

  @Test func sameInputGivesSameBytes() throws {
    _ = try convert("per-block", to: "first.varq")
    _ = try convert("per-block", to: "second.varq")
    let first = try SHA256Digest.digest(of: try MappedFile(folder.file("first.varq")))
    let second = try SHA256Digest.digest(of: try MappedFile(folder.file("second.varq")))
    #expect(first == second)
  }

  @Test func tableChoosesTheFormats() throws {
    let report = try convert("per-block")
    let formats = Dictionary(
      uniqueKeysWithValues: report.plan.tensors.map { ($0.target.name, $0.target.format) })
    #expect(formats["var.blocks.0.attn.mat_qkv.weight"] == .q8)
    #expect(formats["var.blocks.0.ada_lin.1.weight"] == .q8)
    #expect(formats["var.head.weight"] == .q8)
    #expect(formats["vae.decoder.mid.block_1.conv1.weight"] == .q8)
    #expect(formats["var.pos_1LC"] == .f16)
    for name in [
      "var.word_embed.weight", "var.class_emb.weight", "var.pos_start", "var.head.bias",
      "var.blocks.0.attn.q_bias", "vae.quantize.embedding.weight", "vae.quant_conv.weight",
      "vae.post_quant_conv.weight", "vae.quantize.quant_resi.qresi_ls.0.weight",
      "vae.encoder.conv_in.weight", "vae.decoder.conv_out.weight", "vae.decoder.norm_out.weight",
    ] {
      #expect(formats[name] == .f32, "\(name)")
    }
    let metadata = try VarqFile(folder.file("model.varq")).metadata
    #expect(try metadata.string("convert.recipe") == "q8")
    #expect(try metadata.stringList("source.roles") == ["transformer", "vae"])
    #expect(try ModelConfiguration(metadata: metadata) == report.plan.configuration)
    let digests = try ["var", "vae"].map { half in
      SHA256Digest.hex(
        try SHA256Digest.digest(
          of: try MappedFile(Repository.fixture("models/per-block/\(half).pth"))))
    }
    #expect(try metadata.stringList("source.sha256") == digests)
  }

  @Test func lastMatchingOverrideWins() throws {
    let recipe = ConversionRecipe(
      .q8,
      overrides: [
        try FormatOverride("^var\\.head\\.=bf16"), try FormatOverride("head\\.weight=f16"),
      ])
    let formats = try convert("per-block", recipe).plan.tensors.reduce(into: [:]) {
      $0[$1.target.name] = $1.target.format
    }
    #expect(formats["var.head.weight"] == .f16)
    #expect(formats["var.head.bias"] == .bf16)
    #expect(formats["var.blocks.1.ffn.fc1.weight"] == .q8)
  }

  @Test(arguments: [
    ("no_such_tensor=f16", RecipeError.unmatched(override: "no_such_tensor=f16")),
    (
      "class_emb=q8",
      .role(tensor: "var.class_emb.weight", role: .embedding, format: .q8, override: "class_emb=q8")
    ),
    (
      "word_embed.weight=q8",
      .shape(
        tensor: "var.word_embed.weight", shape: [64, 16], format: .q8,
        override: "word_embed.weight=q8")
    ),
  ])
  func impossibleOverridesAreRefused(text: String, error: RecipeError) throws {
    let recipe = ConversionRecipe(.q8, overrides: [try FormatOverride(text)])
    let model = try Self.model("per-block")
    #expect(throws: error) { _ = try ConversionPlan(model, Survey(model), recipe) }
  }

  /// Least SQNR in dB over all tensors of a model.
  static let leastSQNR: [TensorFormat: Double] = [
    .f32: .infinity, .f16: 70, .bf16: 54, .q8: 42, .q6: 30, .q5: 25,
    .q4: 19, .q3: 14,
  ]

  /// The source is f16, so that f16 loses nothing.
  @Test(arguments: TensorFormat.allCases) func errorsAreThoseOfTheFormat(format: TensorFormat)
    throws
  {
    let report = try convert("per-block", ConversionRecipe(format))
    let worst = report.worst(1).first?.sqnr ?? .infinity
    print("per-block as \(format.name): worst tensor \(worst) dB")
    #expect(worst >= Self.leastSQNR[format, default: 0])
    let paths = ["var", "vae"].map { Repository.fixture("models/per-block/\($0).pth") }
    let file = try VarqFile(folder.file("model.varq"))
    let verdicts = try Verifier(file, against: paths).verdicts()
    #expect(verdicts.filter { !$0.isSound }.map(\.name) == [])
    #expect(verdicts.count == report.statistics.count)
    for (verdict, statistics) in zip(verdicts, report.statistics) {
      let measured = try #require(verdict.statistics)
      #expect(measured.count == statistics.count)
      #expect(measured.maximumError == statistics.maximumError, "\(verdict.name)")
    }
  }

  /// A file is not the conversion of another model's checkpoint, even of the same shape.
  @Test func otherWeightsAreNoticed() throws {
    _ = try convert("per-block")
    let file = try VarqFile(folder.file("model.varq"))
    let changed = folder.file("changed.varq")
    let writer = try VarqWriter(
      output(changed), metadata: file.metadata,
      tensors: file.tensors.map { TensorPlan(name: $0.name, format: $0.format, shape: $0.shape) })
    for tensor in file.tensors {
      let values = try tensor.floats()
      try writer.append(tensor.name == "var.head.weight" ? values.reversed() : values)
    }
    try writer.finish()
    let path = Repository.fixture("models/per-block/var.pth")
    let verdicts = try Verifier(VarqFile(changed), against: [path]).verdicts()
    #expect(verdicts.filter { !$0.isSound }.map(\.name) == ["var.head.weight"])
    #expect(verdicts.count { $0.statistics != nil } == verdicts.count { $0.name.hasPrefix("var.") })
  }

  @Test func halvesAloneAreLegal() throws {
    for half in ModelHalf.allCases {
      let path = Repository.fixture("models/shared/\(half.rawValue).pth")
      let options = ConversionOptions(patchNumbers: [1, 2, 3, 4])
      let model = try SourceModel.recognize(others: [Checkpoint.open(path)], options: options)
      let plan = try ConversionPlan(model, Survey(model), ConversionRecipe())
      _ = try Converter(plan).write(to: output(folder.file("half.varq")))
      let converted = try ModelFile(folder.file("half.varq"))
      #expect((converted.configuration.transformer != nil) == (half == .transformer))
      #expect((converted.configuration.tokenizer != nil) == (half == .tokenizer))
    }
  }
}
