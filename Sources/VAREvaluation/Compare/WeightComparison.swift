import TensorBytes
package import VARCore
package import VARQuant

/// How far a model's weights are from another one's, tensor by tensor.
package struct WeightComparison: Sendable {
  /// One tensor that both have, of the same shape.
  package struct Tensor: Sendable {
    /// Its name.
    package let name: String
    /// How the model stores it.
    package let format: TensorFormat
    /// What storing it so has cost.
    package let statistics: QuantizationStatistics
  }

  /// In the order of the model's file.
  package let tensors: [Tensor]

  /// Reads the weights of both.
  /// - Throws: where a file cannot be read.
  package init(_ model: Model, against reference: Model) throws {
    tensors = try model.file.tensors.compactMap { tensor in
      guard let other = reference.file[tensor.name], other.shape == tensor.shape else { return nil }
      var statistics = QuantizationStatistics()
      for rows in (0..<tensor.matrix.rows).rowPieces(columns: tensor.matrix.columns) {
        statistics.add(try other.matrix.floats(rows: rows), try tensor.matrix.floats(rows: rows))
      }
      return Tensor(name: tensor.name, format: tensor.format, statistics: statistics)
    }
  }
}
