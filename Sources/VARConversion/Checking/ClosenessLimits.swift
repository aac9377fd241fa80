internal import VARQuant

/// What weights that can't be derived exactly may be off by, as ``RoundingExcess`` measures it.
///
/// Measured on the demo model, calibrated in each format; `docs/convert.md` has the figures.
struct ClosenessLimits {
  /// Of ``RoundingExcess/score``, of a whole tensor.
  let score: Double
  /// Of the worst row's squared error, by that of rounding.
  let row: Double
  /// Of a bias's correction, by the root of the squared error of its row of weights.
  static let bias = 40.0

  /// The limits of calibrated weights, which trade errors against each other.
  static func calibrated(_ format: TensorFormat) -> ClosenessLimits {
    let score =
      switch format {
      case .q3: 5.6
      case .q4: 5.0
      case .q5: 5.1
      default: 4.67
      }
    return ClosenessLimits(score: score, row: 8)
  }

  /// The limits of weights that another program has rounded, one by one.
  static let rounded = ClosenessLimits(score: 1.6, row: 3)

  /// Whether a tensor is within the limits.
  func admit(_ excess: RoundingExcess) -> Bool { excess.score <= score && excess.row <= row }
}
