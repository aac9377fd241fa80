/// What trained weights don't look like: the download has holes, or a bit was flipped.
package enum WeightOddity: Equatable, Sendable, CustomStringConvertible {
  /// Every weight is zero.
  case allZero
  /// All weights of some rows are the same: the first such row and how many there are.
  case constantRows(first: Int, count: Int)
  /// One weight is so many times the mean magnitude of its row: the first such row.
  case stray(row: Int, column: Int, times: Float)

  /// The message for the user, behind the tensor's name.
  package var description: String {
    switch self {
    case .allZero: "is all zeros"
    case .constantRows(let first, let count):
      "has \(count == 1 ? "a row" : "\(count) rows") of one and the same value (row \(first))"
    case .stray(let row, let column, let times):
      "has one weight \(Int(min(times, 1e9))) times as large as its row's others (row \(row), "
        + "column \(column))"
    }
  }
}
