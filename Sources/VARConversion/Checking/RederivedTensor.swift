internal import TensorBytes
package import VARQuant

/// What came of making a tensor of a `.varq` file once more.
package struct RederivedTensor: Sendable {
  /// How it compares with what the file has.
  package enum Outcome: String, Equatable, Sendable, Encodable {
    /// Every byte is the same.
    case same
    /// It can't be made again exactly, and is within the limits of its format.
    case close
    /// It is not what the sources and the recipe give.
    case changed
    /// The sources have no tensor of this name and shape.
    case missing
  }

  /// Its name.
  package let name: String
  /// Its format in the file.
  package let format: TensorFormat
  /// How it compares.
  package var outcome: Outcome
  /// Elements that differ from what was derived.
  package var changed = 0
  /// All elements.
  package let count: Int
  /// The largest of these differences.
  package var largest: Float = 0
  /// The format that the recipe gives, where it is another one.
  package var planned: TensorFormat?
  /// Its distance to the source; nil without one.
  package var statistics: QuantizationStatistics?
  /// By how much its error is above that of plain rounding; of what can't be made again exactly.
  package var excess: RoundingExcess?
  /// Its squared error by the one that the file records; of what was calibrated.
  package var errorByRecord: Double?
}

/// The squared error of stored weights by that of rounding each to the nearest with searched scales.
///
/// A weight that is moved by a step of its format adds a squared step, twelve times the mean error of
/// rounding: a tenth of the weights of a tensor, moved by one step each, more than double its error.
package struct RoundingExcess: Equatable, Sendable {
  /// Of the whole tensor.
  package private(set) var tensor = 1.0
  /// Of the row where it is largest.
  package private(set) var row = 1.0
  /// Share of the elements whose error is beyond one and a half steps, as rounding's error in their
  /// block of 32 tells a step.
  package let tail: Double
  /// Error and tail in one number. Calibration raises the first, and moves few weights so far;
  /// steps that are no part of it raise both.
  package var score: Double { tensor + 100 * tail }
  /// The squared error of each row.
  let rowNoise: [Double]

  init(stored: [Double], rounded: [Double], tail: Double) {
    rowNoise = stored
    self.tail = tail
    let (sum, least) = (stored.reduce(0, +), rounded.reduce(0, +))
    tensor = Self.ratio(sum, least)
    // A row that rounding hardly touches would divide by nothing.
    let floor = least / Double(max(1, rounded.count)) * 0.05
    row = zip(stored, rounded).map { Self.ratio($0, max($1, floor)) }.max() ?? 1
  }

  private static func ratio(_ noise: Double, _ least: Double) -> Double {
    noise == 0 ? 1 : least == 0 ? .infinity : noise / least
  }
}
