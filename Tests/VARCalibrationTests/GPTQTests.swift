import Testing
import VARCalibration
import VARCompute
import VARQuant

/// Quantization of one layer.
struct GPTQTests {
  private static let formats: [TensorFormat] = [.q6, .q5, .q4, .q3]

  /// The study's factor on what a model loses is 0.33; on a layer's own outputs it is less, for there
  /// the inputs are those that were calibrated by.
  @Test(arguments: formats) func losesLessThanSearchedScales(_ format: TensorFormat) throws {
    let problem = Problem(rows: 48, columns: 256, inputs: 700)
    let pool = try ThreadPool(threads: 2)
    let calibrated = problem.loss(try problem.calibrated(format, pool).values.array)
    let nearest = problem.loss(try problem.nearest(format))
    print("\(format): \(calibrated / nearest) of the loss of searched scales")
    #expect(calibrated <= 0.33 * nearest)
  }

  /// Blocks, lazy updates and the turned factor change nothing but rounding.
  @Test(arguments: formats) func isTheTextbooks(_ format: TensorFormat) throws {
    let problem = Problem(rows: 24, columns: 288, inputs: 600, seed: 5)
    let pool = try ThreadPool(threads: 2)
    let result = try problem.calibrated(format, pool)
    let expected = try textbookGPTQ(problem, format)
    let actual = result.codes.array
    let equal = zip(expected, actual).count { $0 == $1 }
    print("\(format): \(equal) of \(expected.count) codes are the textbook's")
    #expect(Double(equal) >= 0.99 * Double(expected.count))
  }

  @Test func theNumberOfThreadsDoesNotMatter() throws {
    let problem = Problem(rows: 200, columns: 320, inputs: 1500)
    let one = try problem.calibrated(.q4, ThreadPool(threads: 1))
    let four = try problem.calibrated(.q4, ThreadPool(threads: 4))
    #expect(one.values.array == four.values.array)
    #expect(one.scales == four.scales)
  }

  @Test func aHessianThatIsNotPositiveDefiniteHasNoFactor() throws {
    let pool = try ThreadPool(threads: 1)
    let zero = Problem(rows: 4, columns: 64, inputs: 0)
    #expect(try InverseFactor(zero.hessian(pool), pool, .open()) == nil)
    let hessian = try Hessian(width: 64, .open())
    unsafe hessian.add(pool) { row in
      for index in 0..<row.count { unsafe row[index] = index == 3 ? .infinity : 1 }
    }
    #expect(try InverseFactor(hessian, pool, .open()) == nil)
  }

  /// Where all inputs are alike, the corrected layer gives what the exact one does.
  @Test func theBiasMakesUpForConstantInputs() throws {
    var problem = Problem(rows: 16, columns: 64, inputs: 1)
    problem = problem.repeatingInput(times: 5)
    let hessian = try problem.hessian(ThreadPool(threads: 1))
    let quantized = try problem.nearest(.q3)
    let missing = BiasCorrection.missing(
      try SharedFloats(problem.weights), try SharedFloats(quantized), rows: 16, mean: hessian.mean)
    for row in 0..<16 {
      var (exact, corrected) = (0.0, missing[row])
      for column in 0..<64 {
        let input = Double(problem.inputs[0][column])
        exact += Double(problem.weights[row * 64 + column]) * input
        corrected += Double(quantized[row * 64 + column]) * input
      }
      #expect(abs(exact - corrected) < 1e-12)
    }
  }

  @Test func theHessianIsTheMeanProduct() throws {
    let problem = Problem(rows: 1, columns: 300, inputs: 1100)
    let pool = try ThreadPool(threads: 2)
    let hessian = try problem.hessian(pool)
    let diagonal = hessian.diagonal(pool)
    for (row, column) in [(0, 0), (299, 0), (257, 255), (100, 299)] {
      let expected =
        problem.inputs.reduce(0.0) { $0 + Double($1[row]) * Double($1[column]) } / 1100
      #expect(abs(Double(hessian.element(row, column)) - expected) < 1e-4 * abs(expected) + 1e-4)
    }
    #expect(diagonal[257] == hessian.element(257, 257))
    #expect(hessian.count == 1100)
  }
}
