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
  /// Of the residual stream and the logits.
  package let stream: Double
  /// Of decoder stages and picture.
  package let decoder: Double
  /// Of f̂, which is always computed in f32.
  package let features: Double
  /// Mean KL of a scale's predictions, in nats.
  package let meanDivergence: Double
  /// Share of tokens that agree when nothing is replayed, over all scales.
  package let freeRunAgreement: Double

  /// The limits of a format and a mode.
  package init(format: TensorFormat, mode: ComputeMode) {
    self.format = format
    self.mode = mode
    let row = Self.row(format, mode)
    stream = row.stream
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

  private struct Row {
    var stream: Double
    var decoder: Double
    var features: Double
    var divergence: Double
    var agreement: Double
  }

  /// Rounding of the weights and rounding of the inputs add up; the table holds both.
  ///
  /// About 2.5 times the worst that noise weights of three shapes gave (depth 4 with adaLN per block
  /// and shared, VAR-d16), 20 times in f32: room for other models, not for mistakes. The free run is
  /// chaotic: one token that differs changes all scales after it.
  private static func row(_ format: TensorFormat, _ mode: ComputeMode) -> Row {
    var row: Row
    switch format {
    case .f32:
      row = Row(stream: 3e-5, decoder: 6e-5, features: 5e-6, divergence: 1e-7, agreement: 1)
    case .f16:
      row = Row(stream: 3e-3, decoder: 3e-3, features: 1e-3, divergence: 2e-4, agreement: 0.6)
    case .bf16:
      row = Row(stream: 2e-2, decoder: 2e-2, features: 8e-3, divergence: 4e-3, agreement: 0.4)
    case .q8:
      row = Row(stream: 4e-2, decoder: 4e-2, features: 1e-2, divergence: 5e-3, agreement: 0.4)
    }
    switch mode {
    case .f32: break
    case .bf16:
      row.stream += 2e-2
      row.divergence += 2e-3
      row.agreement = min(row.agreement, 0.3)
    case .int8:
      row.stream += 6e-2
      row.divergence += 1e-2
      row.agreement = min(row.agreement, 0.2)
    }
    return row
  }
}
