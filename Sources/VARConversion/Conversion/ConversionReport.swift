package import VARQuant

/// What a conversion has done to each tensor.
public struct ConversionReport: Sendable {
  /// What was decided beforehand.
  public let plan: ConversionPlan
  /// What storing each tensor has cost, in the order of the plan.
  package let statistics: [QuantizationStatistics]

  /// Signal-to-quantization-noise ratio of each tensor in dB, in the order of the plan; infinite
  /// where nothing was lost.
  public var ratios: [Double] { statistics.map(\.sqnr) }

  /// The tensors that lost most: those with the least SQNR, the worst first.
  package func worst(_ count: Int) -> [(name: String, format: TensorFormat, sqnr: Double)] {
    let tensors = zip(plan.tensors, statistics).map { tensor, statistics in
      (name: tensor.name, format: tensor.target.format, sqnr: statistics.sqnr)
    }
    return Array(tensors.filter { $0.sqnr < .infinity }.sorted { $0.sqnr < $1.sqnr }.prefix(count))
  }
}
