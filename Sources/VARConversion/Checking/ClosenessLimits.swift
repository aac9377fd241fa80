internal import VARQuant

/// What weights that can't be derived exactly may be off by.
///
/// A calibration records the squared error of what it made, and whoever moves a weight changes that:
/// it must be as recorded. It could be forged, so there are limits beside it, by ``RoundingExcess``.
/// They were measured on models of noise and on the demo model, calibrated in each format, and are
/// tighter where nothing is recorded; `docs/convert.md` has the figures.
struct ClosenessLimits {
  /// Of ``RoundingExcess/score``, of a whole tensor.
  let score: Double
  /// Of the worst row's squared error, by that of rounding.
  let row: Double
  /// Of a bias's correction, by the root of the squared error of its row of weights.
  static let bias = 40.0
  /// Of the error by the recorded one: sums in f64 of the same numbers in another order.
  private static let record = 1e-9
  /// Of score and row where the error is the recorded one.
  private static let recorded = (score: 8.0, row: 16.0)

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
  /// - Parameter byRecord: its squared error by the recorded one; nil without a record.
  func admit(_ excess: RoundingExcess, byRecord: Double?) -> Bool {
    guard let byRecord else { return excess.score <= score && excess.row <= row }
    return abs(byRecord - 1) <= Self.record && excess.score <= Self.recorded.score
      && excess.row <= Self.recorded.row
  }
}
