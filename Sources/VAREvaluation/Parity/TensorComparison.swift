/// How far one tensor is from its reference.
package struct TensorComparison: Equatable, Sendable, Encodable {
  /// Its name in the reference.
  package let name: String
  /// The largest difference of two elements.
  package let maxAbsolute: Double
  /// The largest magnitude in the reference.
  package let referenceMaximum: Double
  /// ‖ours − reference‖ / ‖reference‖.
  package let relativeError: Double
  /// Cosine of the angle between both, as vectors.
  package let cosine: Double
  /// Signal to quantization noise in dB; infinite when equal.
  package var sqnr: Double { relativeError == 0 ? .infinity : -20 * relativeError.decimalLogarithm }

  /// Compares element by element; nil when the counts differ.
  package init?(name: String, _ ours: [Float], reference: [Float]) {
    guard ours.count == reference.count else { return nil }
    var worst = 0.0
    var largest = 0.0
    var (difference, square, ownSquare, product) = (0.0, 0.0, 0.0, 0.0)
    for index in ours.indices {
      let (own, other) = (Double(ours[index]), Double(reference[index]))
      // A NaN on either side must not pass for a small difference.
      let delta = (own - other).isNaN ? Double.infinity : abs(own - other)
      worst = max(worst, delta)
      largest = max(largest, abs(other))
      difference += delta * delta
      square += other * other
      ownSquare += own * own
      product += own * other
    }
    self.name = name
    maxAbsolute = worst
    referenceMaximum = largest
    relativeError =
      difference == 0 ? 0 : (difference / max(square, .leastNormalMagnitude)).squareRoot()
    let norms = (square * ownSquare).squareRoot()
    cosine = norms == 0 ? (difference == 0 ? 1 : 0) : product / norms
  }

  private enum CodingKeys: String, CodingKey {
    case name
    case maxAbsolute = "max_abs"
    case referenceMaximum = "reference_max"
    case relativeError = "relative_error"
    case cosine
  }
}
