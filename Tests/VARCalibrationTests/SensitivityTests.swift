import ModelFixtures
import TensorBytes
import TestSupport
import Testing
import VARCalibration
import VARCompute
import VARConversion
import VARCore
import VAREvaluation
import VARQuant

/// What formats cost, group by group.
struct SensitivityTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func source(_ model: String) throws -> SourceModel {
    try SourceModel.open(
      transformer: Repository.fixture("models/\(model)/var.pth"),
      tokenizer: Repository.fixture("models/\(model)/vae.pth"))
  }

  private func table(
    _ source: SourceModel, _ calibration: CalibrationOptions?
  ) throws -> SensitivityTable {
    try SensitivityStudy(
      source, Survey(source, hashing: false), beside: output(folder.file("table.json")),
      Compute(mode: .f32, threads: 2),
      .init(calibration: calibration, folder: nil, images: 6)
    ).run()
  }

  /// Coarser formats cost more, calibrated or not, and nothing stays in the folder.
  @Test(arguments: FixtureModels.names) func coarserCostsMore(model: String) throws {
    let source = try source(model)
    for calibration in [nil, CalibrationOptions(count: 4, seed: 1)] {
      let table = try table(source, calibration)
      #expect(table.isCalibrated == (calibration != nil))
      #expect(table.images == 6)
      for (group, costs) in zip(WeightGroup.all, table.costs) where !costs.isEmpty {
        #expect(costs.count == 5)
        #expect(costs[0].value < costs[4].value, "\(group.name)")
        #expect(costs[1].value < costs[4].value, "\(group.name)")
      }
    }
    #expect(try folder.names() == [])
  }

  /// One group alone is what a file with that group alone in the format loses.
  @Test func aGroupAloneIsAFileWithThatGroupAlone() throws {
    let source = try source("per-block")
    let table = try table(source, nil)
    let group = try #require(WeightGroup.all.firstIndex { $0.name == "fc1" })
    let format = try #require(table.formats.firstIndex(of: .q4))
    let recipe = try ConversionRecipe(
      name: "fc1 alone",
      rules: [FormatOverride(pattern: WeightGroup.all[group].pattern, format: .q4)],
      otherwise: .f32,
      overrides: [FormatOverride(pattern: "emb|pos_1LC|lvl", format: .f32)])
    let file = try output(folder.file("fc1.varq"))
    _ = try Converter(ConversionPlan(source, Survey(source), recipe)).write(to: file)
    let plain = try output(folder.file("f32.varq"))
    _ = try Converter(ConversionPlan(source, Survey(source), ConversionRecipe(.f32))).write(
      to: plain)
    let exact = try Model(path: plain.path)
    let compute = try Compute(mode: .f32, threads: 2)
    // The study's pictures: other random numbers than a calibration's.
    let pictures = try CalibrationPictures.drawn(exact, compute, count: 6, seed: 1 << 32)
    let comparison = try Comparison(.init(path: file.path), compute, against: exact, compute)
    for (tokens, label) in zip(pictures.tokens, pictures.labels) {
      try comparison.add(tokens, label: label)
    }
    let measured = comparison.report.total.meanDivergence.value
    #expect(abs(measured / table.costs[group][format].value - 1) < 1e-3)
  }
}
