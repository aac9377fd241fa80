import Foundation
import VARCompute

func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }

/// max |result − exact| / max |exact|; NaN where the result has one.
func maximalError(_ result: [Float], _ exact: [Double]) -> Double {
  var error = 0.0
  for (a, b) in zip(result, exact) {
    let difference = abs(Double(a) - b)
    if !(difference <= error) { error = difference }  // keeps NaN
  }
  return error / exact.reduce(0) { max($0, abs($1)) }
}

extension FloatBuffer {
  /// A buffer with these elements.
  convenience init(_ values: [Float]) throws {
    try self.init(count: values.count)
    withMutableSpan { span in
      for index in values.indices { span[index] = values[index] }
    }
  }
}
