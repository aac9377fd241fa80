import Foundation
import Testing
import VARCompute
import VARQuant

private enum Tolerance {
  /// Units in the last place of e^x.
  static let expULP = 2.0
  /// |error| / |result| of SiLU and GELU for |x| ≤ 8; it grows with the exponent, 49 at x = −8.
  static let activation = 1e-5
  /// Largest |error| of a modulated row whose numbers are of the order of 1.
  static let modulate = 3e-6
  /// ‖error‖ / ‖result‖ of a row stored as bf16 and as int8.
  static let bf16 = 2.5e-3
  static let int8 = 1.2e-2
}

@Suite struct RowsTests {
  @Test(arguments: CPULevel.available)
  func exponentialIsExactToTheLastPlaces(level: CPULevel) throws {
    let compute = try Compute(mode: .f32, level: level, threads: 1)
    let inputs = (0..<40_001).map { Float($0 - 20_000) * 0.0051 }  // −102 … 102
    let buffer = try FloatBuffer(inputs)
    compute.exp(buffer)
    var worst = 0.0
    for (x, y) in zip(inputs, buffer.array()) where abs(x) < 87 {
      let exact = exp(Double(x))
      worst = max(worst, abs(Double(y) - exact) / Double(Float(exact).ulp))
    }
    #expect(worst < Tolerance.expULP, "worst \(worst) ulp")
    for (x, y) in zip(inputs, buffer.array()) {
      #expect(x < 88.73 || y == .infinity)
      #expect(x > -103.98 || y == 0)
    }
  }

  @Test(arguments: CPULevel.available)
  func specialNumbers(level: CPULevel) throws {
    let compute = try Compute(mode: .f32, level: level, threads: 1)
    let buffer = try FloatBuffer([0, -0, .infinity, -.infinity, .nan])
    compute.exp(buffer)
    #expect(buffer.array(0..<4) == [1, 1, .infinity, 0])
    #expect(buffer[4].isNaN)
  }

  @Test(arguments: CPULevel.available)
  func activationsMatchDouble(level: CPULevel) throws {
    let compute = try Compute(mode: .f32, level: level, threads: 1)
    let inputs = (0..<4_001).map { Float($0 - 2_000) * 0.004 }
    let silu = try FloatBuffer(inputs)
    let gelu = try FloatBuffer(inputs)
    compute.silu(silu)
    compute.gelu(gelu)
    var worst = 0.0
    for (index, x) in inputs.map(Double.init).enumerated() where x != 0 {
      let u = (2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)
      let exactSiLU = x / (1 + exp(-x))
      let exactGELU = x / (1 + exp(-2 * u))
      worst = max(worst, abs(Double(silu[index]) - exactSiLU) / abs(exactSiLU))
      worst = max(worst, abs(Double(gelu[index]) - exactGELU) / abs(exactGELU))
    }
    #expect(worst < Tolerance.activation, "worst \(worst)")
  }

  /// Reads an input of linear layers back through a unit matrix.
  private func numbers(_ compute: Compute, _ input: ActivationBuffer, columns: Int) throws
    -> [Float]
  {
    let unit = try WeightFixture(unit: columns)
    let output = try FloatBuffer(count: input.rows * columns)
    try compute.linear(input, unit.matrix, into: output.matrix(rows: input.rows, columns: columns))
    return output.array()
  }

  @Test(arguments: ComputeMode.allCases, [1, 31, 64, 100])
  func modulatesByGroup(mode: ComputeMode, columns: Int) throws {
    let rows = 6
    let groups = 2
    var generator = Numbers(seed: UInt64(columns))
    let x = generator.array(rows * columns).map { $0 * 3 + 1 }
    let table = generator.array(groups * 2 * columns)  // each row: scale, then shift
    let buffer = try FloatBuffer(x)
    let ada = try FloatBuffer(table).matrix(rows: groups, columns: 2 * columns)
    let exact = modulated(x, table, rows: rows, groups: groups, columns: columns)
    var first: [Float]?
    for level in CPULevel.available {
      let compute = try Compute(mode: mode, level: level, threads: 2)
      let output = try compute.activations(rows: rows, columns: columns)
      try compute.layerNormModulate(
        buffer.matrix(rows: rows, columns: columns), scale: ada.columns(0..<columns),
        shift: ada.columns(columns..<2 * columns), into: output)
      let result = try numbers(compute, output, columns: columns)
      if mode != .bf16 || !level.multipliesBF16Faster {
        #expect(result == first ?? result, "\(level)")
        first = result
      }
      let error = relativeError(result, exact)
      switch mode {
      case .f32:
        #expect(zip(result, exact).allSatisfy { abs(Double($0) - $1) < Tolerance.modulate })
      case .bf16: #expect(error < Tolerance.bf16, "\(level): \(error)")
      case .int8: #expect(error < Tolerance.int8, "\(level): \(error)")
      }
    }
  }

  private func modulated(
    _ x: [Float], _ table: [Float], rows: Int, groups: Int, columns: Int
  ) -> [Double] {
    (0..<rows).flatMap { row -> [Double] in
      let values = x[row * columns..<(row + 1) * columns].map(Double.init)
      let mean = values.reduce(0, +) / Double(columns)
      let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(columns)
      let start = row / (rows / groups) * 2 * columns
      return values.enumerated().map { column, value in
        (value - mean) / (variance + 1e-6).squareRoot() * (1 + Double(table[start + column]))
          + Double(table[start + columns + column])
      }
    }
  }

  @Test func decodesRowsOfEveryFormat() throws {
    for format in TensorFormat.allCases {
      let weight = try WeightFixture(format, rows: 7, columns: 64, seed: 6)
      let compute = try Compute(mode: .f32, threads: 1)
      let output = try FloatBuffer(count: 3 * 64)
      compute.decode(weight.matrix, rows: 2..<5, into: output.matrix(rows: 3, columns: 64))
      #expect(output.array() == Array(weight.values[2 * 64..<5 * 64]))
      let vector = FloatVector(decoding: weight.matrix)
      #expect((0..<7 * 64).allSatisfy { vector[$0] == weight.values[$0] })
    }
  }

  @Test func refusesALevelOfAnotherMachine() {
    let missing = CPULevel.allCases.filter { !$0.isAvailable }
    for level in missing {
      #expect(throws: ComputeError.levelUnavailable(level, available: CPULevel.available)) {
        _ = try Compute(mode: .f32, level: level, threads: 1)
      }
    }
    #expect(!missing.isEmpty)
  }
}
