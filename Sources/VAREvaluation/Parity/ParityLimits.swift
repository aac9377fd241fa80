package import VARCompute
package import VARQuant

/// What counts as right for a weight format and a compute mode.
///
/// Relative errors are ‖ours − reference‖/‖reference‖ of a whole tensor, against PyTorch in f32 on the
/// original weights. Teacher forcing keeps them from growing from scale to scale.
package struct ParityLimits: Equatable, Sendable {
  /// The coarsest format among the model's large matrices.
  package let format: TensorFormat
  /// How they are multiplied.
  package let mode: ComputeMode
  /// What PyTorch computed the reference in.
  package let reference: ReferencePrecision
  /// Of the residual stream and the logits.
  package let stream: Double
  /// Of the blocks' gains, as distances from 1.
  package let gain: Double
  /// Of decoder stages and picture.
  package let decoder: Double
  /// Of f̂, which is always computed in f32.
  package let features: Double
  /// Mean KL of a scale's predictions, in nats.
  package let meanDivergence: Double
  /// Share of tokens that agree when nothing is replayed, over all scales.
  package let freeRunAgreement: Double

  /// The limits of a format and a mode.
  package init(
    format: TensorFormat, mode: ComputeMode, reference: ReferencePrecision = .none
  ) {
    self.reference = reference
    self.format = format
    self.mode = mode
    let row = Self.row(format, mode, reference)
    stream = row.stream
    gain = row.gain
    decoder = row.decoder
    features = row.features
    meanDivergence = row.divergence
    freeRunAgreement = row.agreement
  }

  func relativeError(_ section: ParityReport.Section) -> Double {
    switch section {
    case .features: features
    case .decoder, .image: decoder
    default: stream
    }
  }

  private typealias Row = ReferencePrecision.Rounding

  /// Rounding of the weights, which the format knows, of our inputs and of the reference's add up.
  ///
  /// About 2.5 times the worst that noise weights of three shapes gave (depth 4 with adaLN per block
  /// and shared, VAR-d16), 20 times in f32: room for other models, not for mistakes. The free run is
  /// chaotic: one token that differs changes all scales after it. Gains: 2.5 times the worst of the demo
  /// model and the tests' three, 0.2 of the stream's limit for every format (q4), and 8e-4 in bf16.
  private static func row(
    _ format: TensorFormat, _ mode: ComputeMode, _ reference: ReferencePrecision
  ) -> Row {
    let weights = format.accuracy
    var row = Row(
      stream: weights.stream, gain: weights.stream / 2, decoder: weights.decoder,
      features: weights.features, divergence: weights.divergence, agreement: weights.agreement)
    switch mode {
    case .f32: break
    case .bf16:
      row.stream += 2e-2
      row.gain += 2e-3
      row.divergence += 2e-3
      row.agreement = min(row.agreement, 0.3)
    case .int8:
      row.stream += 6e-2
      row.gain += 2e-3
      row.divergence += 1e-2
      row.agreement = min(row.agreement, 0.2)
    }
    row.add(reference.rounding)
    return row
  }
}
