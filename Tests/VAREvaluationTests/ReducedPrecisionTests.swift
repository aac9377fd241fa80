import ModelFixtures
import Testing
import VARCompute
import VARCore
import VAREvaluation
import VARModel

/// What reduced precision may cost, by teacher forcing against f32 weights in f32 arithmetic.
@Suite struct ReducedPrecisionTests {
  /// Mean KL in nats over all tokens of the noise-weight fixtures; trained models lie far lower.
  struct Limit: Sendable, CustomTestStringConvertible {
    let quantized: Bool
    let mode: ComputeMode
    let divergence: Double

    var testDescription: String { "\(quantized ? "q8" : "f32"), \(mode.rawValue)" }
  }

  static let limits = [
    Limit(quantized: false, mode: .f32, divergence: 1e-9),
    Limit(quantized: true, mode: .f32, divergence: 5e-3),
    Limit(quantized: false, mode: .bf16, divergence: 5e-3),
    Limit(quantized: true, mode: .bf16, divergence: 1e-2),
    Limit(quantized: true, mode: .int8, divergence: 2e-2),
  ]

  @Test(arguments: FixtureModels.names, limits)
  func divergence(_ name: String, _ limit: Limit) throws {
    let reference = try FixtureModels.model(name)
    let model = limit.quantized ? try FixtureModels.quantizedModel(name) : reference
    let exact = try Compute(mode: .f32)
    let comparison = try Comparison(model, exact.with(mode: limit.mode), against: reference, exact)
    let golden = try Golden.load(name, "recon_picture")
    for label in [ClassLabel.id(0), .unconditional] {
      try comparison.add(golden.maps(image: 0), label: label)
    }
    let total = comparison.report.total
    #expect(comparison.report.count == 2)
    #expect(
      total.meanDivergence.value <= limit.divergence, "KL \(total.meanDivergence.value)")
    #expect(abs(total.lossRatio.value - 1) < 0.05, "loss ratio \(total.lossRatio.value)")
    if limit.mode == .f32, !limit.quantized { #expect(total.sameTop.value == 1) }
  }

  /// Layers whose weights aren't int8 are left out of int8 arithmetic: without any int8 weights it is
  /// bf16 arithmetic, to the bit.
  @Test(arguments: FixtureModels.names)
  func int8LeavesOtherFormatsOut(_ name: String) throws {
    let model = try FixtureModels.model(name)
    let exact = try Compute(mode: .f32)
    let comparison = try Comparison(
      model, exact.with(mode: .int8), against: model, exact.with(mode: .bf16))
    let golden = try Golden.load(name, "recon_picture")
    try comparison.add(golden.maps(image: 0), label: .id(0))
    let total = comparison.report.total
    #expect(total.sameTop.value == 1)
    #expect(total.lossRatio.value == 1)
    #expect(total.meanDivergence.value <= 1e-9, "KL \(total.meanDivergence.value)")
  }
}
