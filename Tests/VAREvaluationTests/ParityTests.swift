import Foundation
import SafetensorsIO
import TestSupport
import Testing
import VARCompute
import VARConversion
import VARCore
import VAREvaluation
import VARModel
import VARQuant

/// The instrument on the fixture `per-block` and a dump by `tools/dump_reference.py`.
@Suite struct ParityTests {
  private static let reference = Repository.fixture("goldens/per-block/reference.safetensors")

  private func model(_ recipe: ConversionRecipe, of name: String = "per-block") throws -> Model {
    let models = Repository.fixture("models/" + name)
    let source = try SourceModel.recognize(
      transformer: Checkpoint.open(models + "/var.pth"),
      tokenizer: Checkpoint.open(models + "/vae.pth"))
    let folder = try TemporaryFolder()
    let path = folder.file("model.varq")
    _ = try Converter(ConversionPlan(source, Survey(source), recipe)).write(to: output(path))
    return try Model(path: path)
  }

  private func run(_ path: String) throws -> ReferenceDump {
    try #require(ReferenceDump.runs(path).first)
  }

  private func compare(_ model: Model, _ mode: ComputeMode) throws -> ParityReport {
    try ParityRun(model, Compute(mode: mode), run(Self.reference)).run()
  }

  @Test func exact() throws {
    let report = try compare(model(ConversionRecipe(.f32)), .f32)
    #expect(report.limits == ParityLimits(format: .f32, mode: .f32))
    #expect(report.sameDraws == true)
    #expect(report.passed, "\(report.verdicts)")
    #expect(report.firstFailure == nil)
    #expect(report.verdicts.map(\.section) == ParityReport.Section.allCases)
    #expect(report.predictions.allSatisfy { $0.sameTop == 1 && $0.sameSample == 1 })
    #expect(report.predictions.allSatisfy { $0.reproduced == 1 })
    #expect(report.agreement.allSatisfy { $0.same == $0.total })
    #expect(report.agreement.map(\.total) == [1, 4, 9, 25, 64])
    let names = report.tensors.map(\.name)
    #expect(names.prefix(4) == ["cond", "scale0.input", "scale0.block0", "scale0.block1"])
    #expect(names.suffix(3) == ["decoder.up0", "decoder.norm_out", "image"])
    let psnr = try #require(report.freeRunPSNR)
    #expect(psnr.allSatisfy { $0 > 60 }, "\(psnr)")
  }

  @Test(arguments: ComputeMode.allCases)
  func quantized(_ mode: ComputeMode) throws {
    let report = try compare(model(ConversionRecipe(.q8)), mode)
    #expect(report.limits == ParityLimits(format: .q8, mode: mode))
    #expect(report.passed, "\(report.verdicts)")
    // It must be able to tell: quantized weights are far outside the limits of exact ones.
    let worst = report.tensors.map(\.relativeError).max() ?? 0
    #expect(worst > ParityLimits(format: .f32, mode: .f32).stream)
  }

  /// Codes of few bits cost more, and what they cost is known.
  @Test(arguments: [TensorFormat.q6, .q5, .q4, .q3], ComputeMode.allCases)
  func fewBits(_ format: TensorFormat, _ mode: ComputeMode) throws {
    let report = try compare(model(ConversionRecipe(format)), mode)
    #expect(report.limits == ParityLimits(format: format, mode: mode))
    #expect(report.passed, "\(report.verdicts)")
  }

  /// A wrong weight is found, and the tensor that shows it first is named.
  @Test func damage() throws {
    let damaged = try model { name, values in
      if name == "var.blocks.1.ffn.fc2.bias" { values[3] += 0.5 }
    }
    let report = try compare(damaged, .f32)
    #expect(!report.passed)
    #expect(report.firstFailure?.name == "scale0.block1")
    let failed = report.verdicts.filter { !$0.passed }.map(\.section)
    #expect(failed.contains(.blocks) && failed.contains(.logits) && !failed.contains(.features))
  }

  /// The model `per-block` in f32 with other values.
  private func model(changing change: (String, inout [Float]) -> Void) throws -> Model {
    let original = try model(ConversionRecipe(.f32))
    let folder = try TemporaryFolder()
    let path = folder.file("changed.varq")
    let writer = try VarqWriter(
      output(path), metadata: original.file.metadata,
      tensors: original.file.tensors.map {
        TensorPlan(name: $0.name, format: $0.format, shape: $0.shape)
      })
    for tensor in original.file.tensors {
      var values = try tensor.floats()
      change(tensor.name, &values)
      try unsafe values.withUnsafeBytes { try unsafe writer.append($0) }
    }
    try writer.finish()
    return try Model(path: path)
  }

  private static let autocast = Repository.fixture(
    "goldens/per-block/reference-bf16.safetensors")

  /// A reference in reduced precision has limits of its own, which f32's would not do for.
  @Test func autocast() throws {
    let exact = try model(ConversionRecipe(.f32))
    let report = try ParityRun(exact, Compute(mode: .f32), run(Self.autocast)).run()
    #expect(report.limits == ParityLimits(format: .f32, mode: .f32, reference: .bf16))
    #expect(report.passed, "\(report.verdicts)")
    #expect(report.gains.map(\.block) == [0, 1])
    let strict = ParityLimits(format: .f32, mode: .f32)
    #expect(report.tensors.contains { $0.relativeError > strict.stream })
  }

  /// γ₁ or γ₂ of one block too large by 2 %: far below bf16's rounding in every tensor, not in what the
  /// block adds.
  @Test(arguments: [0, 1], [0, 1])
  func gammaUnderAutocast(block: Int, which: Int) throws {
    let changed = try model { name, values in
      guard name.hasPrefix("var.blocks.\(block).ada_lin.1.") else { return }
      let rows = values.count / 6  // of one of γ₁, γ₂, s₁, s₂, b₁, b₂
      for index in which * rows..<(which + 1) * rows { values[index] *= 1.02 }
    }
    let report = try ParityRun(changed, Compute(mode: .f32), run(Self.autocast)).run()
    #expect(report.verdicts.filter { !$0.passed }.map(\.section) == [.gains])
    let worst = report.gains.max { abs($0.gain - 1) < abs($1.gain - 1) }
    #expect(worst?.block == block)
  }

  /// A file of several runs, drawn with a GPU's numbers.
  @Test func severalRuns() throws {
    let exact = try model(ConversionRecipe(.f32), of: "plain")
    let runs = try ReferenceDump.runs(
      Repository.fixture("goldens/plain/reference-runs.safetensors"))
    #expect(runs.map(\.arguments.autocast) == [.none, .bf16, .fp16])
    #expect(runs.allSatisfy { $0.arguments.device == SeedDevice("cuda:1x256") })
    let reports = ParityReports(
      try runs.map { try ParityRun(exact, Compute(mode: .f32), $0).run() })
    #expect(reports.passed, "\(reports.runs.map(\.verdicts))")
    #expect(reports.runs.map(\.limits.reference) == [.none, .bf16, .fp16])
    for report in reports.runs {
      #expect(report.sameDraws == true)
      #expect(report.predictions.allSatisfy { $0.reproduced == 1 })
    }
    #expect(reports.runs[0].agreement.allSatisfy { $0.same == $0.total })
  }

  @Test func otherModel() throws {
    let other = try model(ConversionRecipe(.f32), of: "plain")
    #expect(
      throws: ParityError.mismatch(
        path: Self.reference, what: "patch_nums", expected: "[1, 2, 4]",
        actual: "[1, 2, 3, 5, 8]")
    ) { try ParityRun(other, Compute(mode: .f32), run(Self.reference)) }
  }

  @Test func notAReference() throws {
    let path = Repository.fixture("goldens/per-block/greedy.safetensors")
    #expect(
      throws: ParityError.notReference(
        path: path, lacks: "the metadata kind = var-reference-v1 or var-reference-v2")
    ) { try ReferenceDump.runs(path) }
  }

  /// Of several runs, one that fails is enough.
  @Test func oneFailureIsEnough() throws {
    let right = try compare(model(ConversionRecipe(.f32)), .f32)
    let wrong = try compare(
      model { name, values in if name == "var.head.bias" { values[0] += 9 } }, .f32)
    #expect(right.passed && !wrong.passed)
    #expect(ParityReports([right, right]).passed)
    #expect(!ParityReports([right, wrong]).passed)
  }

  @Test func json() throws {
    let report = try compare(model(ConversionRecipe(.f32)), .f32)
    let object = try JSONSerialization.jsonObject(with: JSONEncoder().encode(report))
    let fields = try #require(object as? [String: Any])
    #expect(fields["passed"] as? Bool == true)
    #expect(fields["format"] as? String == "f32")
    #expect((fields["tensors"] as? [Any])?.count == report.tensors.count)
  }
}

@Suite struct TensorComparisonTests {
  @Test func figures() throws {
    let comparison = try #require(
      TensorComparison(name: "x", [3, 4, 1], reference: [3, 4, 0]))
    #expect(comparison.maxAbsolute == 1)
    #expect(comparison.referenceMaximum == 4)
    #expect(comparison.relativeError == 0.2)
    #expect(abs(comparison.sqnr - 20 * log10(5)) < 1e-12)
    #expect(abs(comparison.cosine - 5 / 26.0.squareRoot()) < 1e-12)
  }

  @Test func edges() throws {
    let equal = try #require(TensorComparison(name: "x", [0, 0], reference: [0, 0]))
    #expect(equal.relativeError == 0 && equal.cosine == 1 && equal.sqnr == .infinity)
    let broken = try #require(TensorComparison(name: "x", [.nan], reference: [1]))
    #expect(broken.relativeError == .infinity)
    #expect(TensorComparison(name: "x", [1], reference: [1, 2]) == nil)
  }
}
