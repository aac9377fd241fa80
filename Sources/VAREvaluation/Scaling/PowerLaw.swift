import Foundation

/// y = c · x^exponent, fitted as a line through the logarithms (section 4.2 of the paper).
package struct PowerLaw: Equatable, Sendable {
  /// The exponent.
  package let exponent: Double
  /// Half of the width of its 95 % confidence interval, by Student's t; infinite of two points.
  package let exponentMargin: Double
  /// The factor c.
  package let factor: Double
  /// Pearson's coefficient of the logarithms.
  package let correlation: Double
  /// Points.
  package let count: Int

  private let meanX: Double
  private let spreadX: Double
  private let residual: Double

  /// Fits points; nil of fewer than two different x, or where a number is not positive.
  package init?(_ points: [(x: Double, y: Double)]) {
    guard points.allSatisfy({ $0.x > 0 && $0.y > 0 && $0.x.isFinite && $0.y.isFinite }) else {
      return nil
    }
    let logs = points.map { (x: log($0.x), y: log($0.y)) }
    let count = Double(logs.count)
    let meanX = logs.reduce(0) { $0 + $1.x } / count
    let meanY = logs.reduce(0) { $0 + $1.y } / count
    let xx = logs.reduce(0) { $0 + ($1.x - meanX) * ($1.x - meanX) }
    let yy = logs.reduce(0) { $0 + ($1.y - meanY) * ($1.y - meanY) }
    let xy = logs.reduce(0) { $0 + ($1.x - meanX) * ($1.y - meanY) }
    guard xx > 0 else { return nil }
    exponent = xy / xx
    factor = exp(meanY - exponent * meanX)
    correlation = yy > 0 ? xy / (xx * yy).squareRoot() : 1
    self.count = logs.count
    self.meanX = meanX
    spreadX = xx
    let slope = exponent
    let sum = logs.reduce(0) { total, point in
      let error = point.y - meanY - slope * (point.x - meanX)
      return total + error * error
    }
    residual = logs.count > 2 ? (sum / (count - 2)).squareRoot() : .infinity
    exponentMargin = Self.quantile(logs.count - 2) * residual / xx.squareRoot()
  }

  /// y at an x, and the 95 % interval in which one more measurement would lie.
  package func prediction(at x: Double) -> (value: Double, interval: ClosedRange<Double>) {
    let value = factor * pow(x, exponent)
    let distance = log(x) - meanX
    let spread =
      residual * (1 + 1 / Double(count) + distance * distance / spreadX).squareRoot()
    let margin = exp(min(700, Self.quantile(count - 2) * spread))
    return (value, value / margin...value * margin)
  }

  /// Student's t at 97.5 %, by degrees of freedom.
  private static func quantile(_ freedom: Int) -> Double {
    let table = [
      12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
      2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
    ]
    return freedom < 1 ? .infinity : freedom <= table.count ? table[freedom - 1] : 2.0
  }
}
