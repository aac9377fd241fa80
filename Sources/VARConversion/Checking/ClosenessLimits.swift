package import VARQuant

/// What weights that can't be derived exactly may be off by, by how ``RoundingExcess`` measures it.
///
/// Measured on the calibrated demo model; `docs/convert.md` has the figures.
package struct ClosenessLimits: Sendable {
  /// Of a whole tensor.
  package let tensor: Double
  /// Of its worst row.
  package let row: Double
  /// Correction of a bias by the root of its row's squared error: as large as the inputs' mean, a vector.
  package static let bias = 40.0

  /// The limits of calibrated weights, which trade errors against each other.
  package static func calibrated(_ format: TensorFormat) -> ClosenessLimits {
    ClosenessLimits(tensor: 2.2, row: 6)
  }

  /// The limits of weights that another program has rounded, one by one.
  package static let rounded = ClosenessLimits(tensor: 1.6, row: 3)

  package func admit(_ excess: RoundingExcess) -> Bool {
    excess.tensor <= tensor && excess.row <= row
  }
}
