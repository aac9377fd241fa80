import Foundation
import ModelFixtures
import TensorBytes
import TestSupport
import Testing
import VARCalibration
import VARCompute
import VARConversion
import VARCore
import VARModel
import VARQuant

/// Whole conversions of small models.
struct CalibratorTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func convert(
    _ model: String, _ type: String, threads: Int, as name: String
  ) throws -> (path: String, fallbacks: [String]) {
    let source = try SourceModel.open(
      transformer: Repository.fixture("models/\(model)/var.pth"),
      tokenizer: Repository.fixture("models/\(model)/vae.pth"))
    let plan = try ConversionPlan(source, Survey(source), ConversionRecipe(type: type))
    let file = try Outputs(reading: plan.sourcePaths).file(folder.file(name))
    let calibrator = try Calibrator(
      plan, of: source, beside: file, Compute(mode: .f32, threads: threads),
      CalibrationOptions(count: 5, seed: 3))
    _ = try Converter(plan).write(to: file, calibration: calibrator)
    return (file.path, calibrator.fallbacks)
  }

  /// In every form of the architecture; an odd number of pictures, so that a batch is not full.
  @Test(arguments: FixtureModels.names)
  func theNumberOfThreadsDoesNotMatter(model: String) throws {
    let one = try convert(model, "q4", threads: 1, as: "one.varq")
    let two = try convert(model, "q4", threads: 2, as: "two.varq")
    #expect(one.fallbacks == two.fallbacks)
    #expect(
      try Data(contentsOf: URL(filePath: one.path)) == Data(contentsOf: URL(filePath: two.path)))
    #expect(try folder.names() == ["one.varq", "two.varq"])
    let file = try VarqFile(one.path)
    for tensor in file.tensors { #expect(try file.defect(of: tensor) == nil) }
  }

  /// Block by block is scale by scale: the stream that the head sees gives the same logits' input.
  @Test(arguments: FixtureModels.names)
  func blockByBlockIsScaleByScale(model name: String) throws {
    let model = try FixtureModels.model(name)
    let compute = try Compute(mode: .f32, threads: 2)
    let golden = try Golden.load(name, "greedy")
    let labels = golden.labels(of: model)
    let tokens = labels.indices.map { golden.maps(image: $0) }
    let pass = try BlockwisePass(model, compute, tokens: tokens, labels: labels)
    for block in 0..<(model.configuration.transformer?.depth ?? 0) {
      try pass.run(block: block) { _, _, _ in }
    }
    var logits: [[Float]] = []
    try pass.runHead(onLogits: { logits.append($0.values) })
    var expected: [[Float]] = []
    let forcing = try TeacherForcing(model, compute, images: tokens.count, purpose: "testing")
    try forcing.run(tokens, labels: labels) { _, scale in expected.append(scale.values) }
    #expect(logits == expected)
  }

  /// A column of the window times a kernel is what the convolution computes.
  @Test(arguments: [Convolution.Form.same, .down, .up])
  func aWindowIsWhatAConvolutionSees(form: Convolution.Form) throws {
    let side = 6
    let values = (0..<side * side * 2).map(Float.init)
    let map = FeatureMap(
      try FloatBuffer(values), images: 1, height: side, width: side, channels: 2)
    let window = ConvolutionWindow(form, map)
    var target = [Float](repeating: -1, count: 18)
    unsafe target.withUnsafeMutableBufferPointer { unsafe window.copy(row: 0, column: 2, into: $0) }
    func value(_ y: Int, _ x: Int) -> [Float] {
      y < 0 || x < 0 || y >= side || x >= side
        ? [0, 0] : [values[(y * side + x) * 2], values[(y * side + x) * 2 + 1]]
    }
    let expected = (0..<9).flatMap { tap -> [Float] in
      switch form {
      case .same: value(tap / 3 - 1, 2 + tap % 3 - 1)
      case .down: value(tap / 3, 4 + tap % 3)
      case .up: value(tap / 3 == 0 ? -1 : (tap / 3 - 1) / 2, (2 + tap % 3 - 1) / 2)
      }
    }
    #expect(target == expected)
  }
}
