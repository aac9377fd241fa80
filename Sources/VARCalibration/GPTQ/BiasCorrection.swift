/// What quantized weights lack on average: W·E[x] − Ŵ·E[x], to be added to the bias.
package enum BiasCorrection {
  /// For each output; in f64, so that equal weights lack exactly nothing.
  /// - Parameters:
  ///   - weights: [N, K].
  ///   - quantized: [N, K].
  ///   - mean: of the inputs, [K].
  package static func missing(
    _ weights: SharedFloats, _ quantized: SharedFloats, rows: Int, mean: [Double]
  ) -> [Double] {
    let columns = mean.count
    precondition(weights.count == rows * columns && quantized.count == weights.count, "shape")
    return (0..<rows).map { row in
      let start = row * columns
      var sum = 0.0
      for column in 0..<columns {
        let error =
          unsafe Double(weights.base[start + column])
          - Double(quantized.base[start + column])
        sum += error * mean[column]
      }
      return sum
    }
  }
}
