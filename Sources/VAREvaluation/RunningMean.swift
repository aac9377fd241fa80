/// Mean and standard error of a list of numbers, gathered one by one (Welford's recurrence, f64).
package struct RunningMean: Equatable, Sendable {
  /// How many numbers were added.
  package private(set) var count = 0
  /// Their mean; 0 when there are none.
  package private(set) var mean = 0.0
  private var squares = 0.0

  /// Starts with no numbers.
  package init() {}

  /// Adds one number.
  package mutating func add(_ value: Double) {
    count += 1
    let difference = value - mean
    mean += difference / Double(count)
    squares += difference * (value - mean)
  }

  /// Standard error of the mean, from the sample's variance; 0 for less than two numbers.
  package var standardError: Double {
    count > 1 ? (squares / Double(count - 1) / Double(count)).squareRoot() : 0
  }
}
