import ModelFixtures
import Testing
import VARCompute
import VARCore
import VAREvaluation
import VARModel

/// The official code's losses and accuracies, from f32 weights in f32 arithmetic.
@Suite struct EvaluationTests {
  /// Losses in nats must agree to this.
  static let lossLimit = 1e-4

  @Test(arguments: FixtureModels.names)
  func evaluation(_ name: String) throws {
    let model = try FixtureModels.model(name)
    let compute = try Compute(mode: .f32)
    let golden = try Golden.load(name, "eval_picture")
    let tokens = try ImageCodec(model, compute).encode(golden.picture()).tokens
    var report = EvaluationReport(patchNumbers: tokens.scales.map { side(of: $0.count) })
    let label = try #require(golden.label)
    let scores = try Evaluator(model, compute).scores(of: [tokens], labels: [.id(label)])
    try report.add(scores[0])
    let worst = max(
      abs(report.mean.loss.mean - (golden.lossMean ?? .nan)),
      abs(report.tail.loss.mean - (golden.lossTail ?? .nan)))
    #expect(worst <= Self.lossLimit, "worst \(worst)")
    #expect(abs(1 - report.mean.error.mean - (golden.accuracyMean ?? .nan)) < 1e-6)
    #expect(abs(1 - report.tail.error.mean - (golden.accuracyTail ?? .nan)) < 1e-6)
  }

  private func side(of count: Int) -> Int { (1...count).first { $0 * $0 == count } ?? 0 }
}
