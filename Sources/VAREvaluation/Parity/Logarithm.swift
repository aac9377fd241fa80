import Foundation

extension Double {
  /// The decimal logarithm; −∞ of 0.
  var decimalLogarithm: Double { log10(self) }
}
