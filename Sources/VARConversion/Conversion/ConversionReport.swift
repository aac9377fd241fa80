package import VARQuant

/// What a conversion has done to each tensor.
package struct ConversionReport: Sendable {
  /// What was decided beforehand.
  package let plan: ConversionPlan
  /// What storing each tensor has cost, in the order of the plan.
  package internal(set) var statistics: [QuantizationStatistics] = []

  init(plan: ConversionPlan) { self.plan = plan }

  /// The tensors that lost most: those with the least SQNR, the worst first.
  package func worst(_ count: Int) -> [(name: String, format: TensorFormat, sqnr: Double)] {
    let tensors = zip(plan.tensors, statistics).map { tensor, statistics in
      (name: tensor.target.name, format: tensor.target.format, sqnr: statistics.sqnr)
    }
    return Array(tensors.filter { $0.sqnr < .infinity }.sorted { $0.sqnr < $1.sqnr }.prefix(count))
  }
}

extension ConversionPlan {
  /// Tensors and bytes of each format that occurs.
  package var byFormat: [(format: TensorFormat, tensors: Int, bytes: Int)] {
    TensorFormat.allCases.compactMap { format in
      let members = tensors.filter { $0.target.format == format }
      guard !members.isEmpty else { return nil }
      return (format, members.count, members.reduce(0) { $0 + $1.targetByteCount })
    }
  }

  /// Bytes of the weights in the sources.
  package var sourceByteCount: Int { tensors.reduce(0) { $0 + $1.sourceByteCount } }
  /// Bytes of the weights in f32.
  package var fullByteCount: Int { tensors.reduce(0) { $0 + $1.fullByteCount } }
}
