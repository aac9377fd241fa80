import Testing
import VARCompute
import VARQuant

/// ‖result − exact‖ / ‖exact‖ of a linear layer, exact in double from the decoded weights.
private enum Tolerance {
  static func linear(_ mode: ComputeMode, _ format: TensorFormat) -> Double {
    switch mode {
    case .f32: 5e-7
    case .bf16: 3.5e-3
    // Formats of floats are quantized on the way, and halves of q3's blocks rounded.
    case .int8: format.isInteger && format != .q3 ? 1e-2 : 1.4e-2
    }
  }
}

@Suite struct LinearTests {
  struct Shape: Sendable, CustomStringConvertible {
    let m: Int
    let n: Int
    let k: Int
    var description: String { "M \(m) N \(n) K \(k)" }
  }

  static let shapes = [
    Shape(m: 1, n: 1, k: 1), Shape(m: 2, n: 64, k: 32), Shape(m: 3, n: 65, k: 96),
    Shape(m: 7, n: 63, k: 131), Shape(m: 6, n: 17, k: 128), Shape(m: 13, n: 130, k: 544),
    Shape(m: 50, n: 96, k: 1056), Shape(m: 521, n: 70, k: 288),
  ]

  /// A layer's three epilogues, all levels: f32 and int8 have the scalar level's bits.
  @Test(arguments: shapes, ComputeMode.allCases)
  func levelsAgree(shape: Shape, mode: ComputeMode) throws {
    for format in TensorFormat.allCases where format.suits(shape: [shape.n, shape.k]) {
      let weight = try WeightFixture(format, rows: shape.n, columns: shape.k, seed: 1)
      let expected = try layer(shape, mode, weight, level: .scalar, threads: 1)
      for level in CPULevel.available.dropFirst() {
        let result = try layer(shape, mode, weight, level: level, threads: 2)
        if mode == .bf16 && level.multipliesBF16Faster {
          // Another arithmetic than the scalar level's; the harness in C compares it with its twin.
          let error = relativeError(result.plain, expected.plain.map(Double.init))
          let limit = Tolerance.linear(mode, format) * (shape.k < 32 ? 4 : 1.5)
          #expect(error < limit, "\(level) \(format): \(error)")
        } else {
          #expect(result.plain == expected.plain, "\(level) \(format)")
          #expect(result.residual == expected.residual, "\(level) \(format)")
          #expect(result.second == expected.second, "\(level) \(format)")
        }
      }
    }
  }

  @Test(arguments: shapes, ComputeMode.allCases)
  func matchesDouble(shape: Shape, mode: ComputeMode) throws {
    for format in TensorFormat.allCases where format.suits(shape: [shape.n, shape.k]) {
      let weight = try WeightFixture(format, rows: shape.n, columns: shape.k, seed: 2)
      let result = try layer(shape, mode, weight, level: .best, threads: 2).plain
      let error = relativeError(result, try exact(shape, weight))
      // One product alone has no other errors to average with.
      let limit = Tolerance.linear(mode, format) * (shape.k < 32 ? 4 : 1)
      #expect(error < limit, "\(format): \(error)")
    }
  }

  @Test(arguments: ComputeMode.allCases)
  func threadsDoNotMatter(mode: ComputeMode) throws {
    for shape in Self.shapes {
      let format = shape.k % 32 == 0 ? TensorFormat.q8 : .f16
      let weight = try WeightFixture(format, rows: shape.n, columns: shape.k, seed: 3)
      let one = try layer(shape, mode, weight, level: .best, threads: 1)
      for threads in 2...3 {
        let more = try layer(shape, mode, weight, level: .best, threads: threads)
        #expect(more.plain == one.plain && more.residual == one.residual)
        #expect(more.second == one.second)
      }
    }
  }

  /// A row's result does not depend on the rows beside it.
  @Test(arguments: ComputeMode.allCases)
  func rowsDoNotMatter(mode: ComputeMode) throws {
    let weight = try WeightFixture(.q8, rows: 100, columns: 256, seed: 4)
    let many = try layer(Shape(m: 29, n: 100, k: 256), mode, weight, level: .best, threads: 2)
    for m in 1..<29 {
      let few = try layer(Shape(m: m, n: 100, k: 256), mode, weight, level: .best, threads: 2)
      #expect(few.plain == Array(many.plain.prefix(m * 100)), "\(m) rows")
    }
  }

  private struct Results {
    var plain: [Float]
    var residual: [Float]
    var second: [Float]
  }

  /// y = x·Wᵀ + b, x' += gamma·y, and GELU(y)·Wᵀ for a second weight.
  private func layer(
    _ shape: Shape, _ mode: ComputeMode, _ weight: WeightFixture, level: CPULevel, threads: Int
  ) throws -> Results {
    let compute = try Compute(mode: mode, level: level, threads: threads)
    let (input, bias) = try inputs(shape)
    let x = try compute.activations(rows: shape.m, columns: shape.k)
    try compute.prepare(input.matrix(rows: shape.m, columns: shape.k), into: x)
    let vector = FloatVector(bias)
    let output = try FloatBuffer(count: shape.m * shape.n)
    let view = output.matrix(rows: shape.m, columns: shape.n)
    try compute.linear(x, weight.matrix, bias: vector, into: view)
    let plain = output.array()
    let gamma = try FloatBuffer(bias)
    try compute.linearResidual(
      x, weight.matrix, bias: vector, gamma: gamma.matrix(rows: 1, columns: shape.n), into: view)
    let residual = output.array()
    let hidden = try compute.activations(rows: shape.m, columns: shape.n)
    try compute.linearGELU(x, weight.matrix, bias: vector, into: hidden)
    let next = try WeightFixture(.f16, rows: 5, columns: shape.n, seed: 9)
    let last = try FloatBuffer(count: shape.m * 5)
    try compute.linear(hidden, next.matrix, into: last.matrix(rows: shape.m, columns: 5))
    return Results(plain: plain, residual: residual, second: last.array())
  }

  private func inputs(_ shape: Shape) throws -> (input: FloatBuffer, bias: [Float]) {
    var numbers = Numbers(seed: 77)
    let bias = numbers.array(shape.n)
    return (try FloatBuffer(numbers.array(shape.m * shape.k)), bias)
  }

  private func exact(_ shape: Shape, _ weight: WeightFixture) throws -> [Double] {
    let (input, bias) = try inputs(shape)
    let x = input.array()
    return (0..<shape.m * shape.n).map { index in
      let (row, column) = index.quotientAndRemainder(dividingBy: shape.n)
      return (0..<shape.k).reduce(Double(bias[column])) { sum, k in
        sum + Double(x[row * shape.k + k]) * Double(weight.values[column * shape.k + k])
      }
    }
  }
}
