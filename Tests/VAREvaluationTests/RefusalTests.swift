import ModelFixtures
import Testing
import VARCompute
import VARCore
import VAREvaluation
import VARModel
import VARQuant

/// What can't be evaluated or compared.
@Suite struct RefusalTests {
  @Test func halves() throws {
    let transformer = try FixtureModels.half(.transformer)
    let compute = try Compute(mode: .f32)
    #expect(
      throws: ModelError.missingHalf(
        path: transformer.file.path, half: .tokenizer, purpose: "evaluating")
    ) { try Evaluator(transformer, compute) }
  }

  @Test func comparisonOfDifferentModels() throws {
    let compute = try Compute(mode: .f32)
    #expect(throws: ModelError.tokenMaps(expected: [1, 4, 9, 16], actual: [1, 4, 16])) {
      try Comparison(
        FixtureModels.model("plain"), compute, against: FixtureModels.model("shared"), compute)
    }
  }
}
