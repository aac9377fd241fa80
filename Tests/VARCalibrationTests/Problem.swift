import LinearAlgebra
import TensorBytes
import Testing
import VARCalibration
import VARCompute
import VARCore
import VARQuant

/// A layer with random weights, and inputs that are correlated as a network's are: products of few
/// factors, some columns larger than others, and a little noise. They are bf16 numbers, so that their
/// Hessian is the same in all arithmetics but for the order of its sums.
struct Problem {
  let rows: Int
  let columns: Int
  /// [rows, columns].
  let weights: [Float]
  /// [count, columns].
  private(set) var inputs: [[Float]]

  init(rows: Int, columns: Int, inputs count: Int, factors: Int = 24, seed: UInt64 = 1) {
    var random = RandomSource(seed: seed)
    func normal() -> Float {
      // Of a sum of twelve uniform numbers.
      Float((0..<12).reduce(-6.0) { sum, _ in sum + random.nextUniform() })
    }
    self.rows = rows
    self.columns = columns
    weights = (0..<rows * columns).map { _ in normal() * 0.02 }
    let mixing = (0..<factors * columns).map { _ in normal() }
    let gains = (0..<columns).map { _ in 0.5 + 2 * Float(random.nextUniform()) }
    inputs = (0..<count).map { _ in
      let hidden = (0..<factors).map { _ in normal() }
      return (0..<columns).map { column in
        let signal = (0..<factors).reduce(Float(0)) {
          $0 + hidden[$1] * mixing[$1 * columns + column]
        }
        let input = gains[column] * (signal / Float(factors).squareRoot() + 0.5 * normal() + 0.3)
        return HalfPrecision.float(bf16: HalfPrecision.bf16(input))
      }
    }
  }

  /// The same weights with the first input again and again.
  func repeatingInput(times: Int) -> Problem {
    var problem = self
    problem.inputs = Array(repeating: inputs[0], count: times)
    return problem
  }

  /// The Hessian of the inputs.
  func hessian(_ compute: Compute) throws -> Hessian {
    let hessian = try Hessian(width: columns, compute, .open())
    unsafe hessian.add(inputs.count) { row, target in
      for index in 0..<target.count { unsafe target[index] = inputs[row][index] }
    }
    return hessian
  }

  /// Σ ‖(W − Ŵ)·x‖² over the inputs.
  func loss(_ quantized: [Float]) -> Double {
    let error = zip(weights, quantized).map { Double($0 - $1) }
    return inputs.reduce(0.0) { total, input in
      total
        + (0..<rows).reduce(0.0) { sum, row in
          var output = 0.0
          for column in 0..<columns {
            output += error[row * columns + column] * Double(input[column])
          }
          return sum + output * output
        }
    }
  }

  /// The weights with searched scales and nearest codes.
  func nearest(_ format: TensorFormat) throws -> [Float] {
    let quantizer = try #require(BlockQuantizer(format))
    return try (0..<rows).flatMap { row in
      let values = Array(weights[row * columns..<(row + 1) * columns])
      let scales = try unsafe values.withUnsafeBufferPointer { try unsafe quantizer.scales($0) }
      return values.enumerated().map { column, weight in
        let scale = scales.scale(column / quantizer.scaleSize)
        return quantizer.value(quantizer.code(weight, scale: scale)) * scale
      }
    }
  }

  /// The weights by GPTQ as it is used.
  func calibrated(
    _ format: TensorFormat, _ compute: Compute, refinements: Int = 1
  ) throws -> GPTQ {
    let factor = try #require(try InverseFactor(hessian(compute), compute.pool, .open()))
    return try GPTQ(
      SharedFloats(weights), rows: rows, [factor], #require(BlockQuantizer(format)),
      refinements: refinements, compute.pool, .open())
  }
}

/// GPTQ as the paper's algorithm 1 has it, a column at a time, with the inverse updated by elimination
/// (equation 3), in f64.
func textbookGPTQ(_ problem: Problem, _ format: TensorFormat) throws -> [UInt8] {
  let (rows, columns) = (problem.rows, problem.columns)
  let quantizer = try #require(BlockQuantizer(format))
  var hessian = [Double](repeating: 0, count: columns * columns)
  for input in problem.inputs {
    for i in 0..<columns {
      for j in 0..<columns { hessian[i * columns + j] += Double(input[i]) * Double(input[j]) }
    }
  }
  let mean = (0..<columns).reduce(0) { $0 + hessian[$1 * columns + $1] } / Double(columns)
  let order = (0..<columns).sorted {
    (hessian[$1 * columns + $1], $0) < (hessian[$0 * columns + $0], $1)
  }
  let diagonal = (0..<columns).map { hessian[$0 * columns + $0] }
  for i in 0..<columns { hessian[i * columns + i] += 0.01 * mean }
  let importance = diagonal.map { Float($0 / Double(problem.inputs.count)) }
  var inverse = inverted(hessian, columns)
  let scales = try (0..<rows).map { row in
    let values = Array(problem.weights[row * columns..<(row + 1) * columns])
    return try unsafe values.withUnsafeBufferPointer { values in
      try unsafe importance.withUnsafeBufferPointer {
        try unsafe quantizer.scales(values, importance: $0)
      }
    }
  }
  var weights = problem.weights.map(Double.init)
  var codes = [UInt8](repeating: 0, count: rows * columns)
  for (place, column) in order.enumerated() {
    let pivot = inverse[column * columns + column]
    for row in 0..<rows {
      let scale = scales[row].scale(column / quantizer.scaleSize)
      let weight = weights[row * columns + column]
      let code = quantizer.code(Float(weight), scale: scale)
      codes[row * columns + column] = code
      let error = (weight - Double(quantizer.value(code) * scale)) / pivot
      for later in order[place...] {
        weights[row * columns + later] -= error * inverse[column * columns + later]
      }
    }
    for i in order[(place + 1)...] {
      let factor = inverse[i * columns + column] / pivot
      for j in order[place...] {
        inverse[i * columns + j] -= factor * inverse[column * columns + j]
      }
    }
  }
  return codes
}

/// The inverse of a matrix, by Gauss and Jordan.
private func inverted(_ matrix: [Double], _ size: Int) -> [Double] {
  var a = matrix
  var inverse = [Double](repeating: 0, count: size * size)
  for i in 0..<size { inverse[i * size + i] = 1 }
  for pivot in 0..<size {
    let divisor = a[pivot * size + pivot]
    for j in 0..<size {
      a[pivot * size + j] /= divisor
      inverse[pivot * size + j] /= divisor
    }
    for i in 0..<size where i != pivot {
      let factor = a[i * size + pivot]
      guard factor != 0 else { continue }
      for j in 0..<size {
        a[i * size + j] -= factor * a[pivot * size + j]
        inverse[i * size + j] -= factor * inverse[pivot * size + j]
      }
    }
  }
  return inverse
}
