import Testing
import VARCompute
import VARQuant

/// max |result − exact| / max |exact|, exact in double from the decoded weights.
private enum Tolerance {
  static let direct = 4e-6
  static let winograd = 2e-5
}

@Suite struct ConvolutionTests {
  struct Shape: Sendable, CustomStringConvertible {
    var images = 1
    let height: Int
    let width: Int
    let input: Int
    let output: Int
    var description: String { "\(images)×\(height)×\(width) \(input)→\(output)" }
  }

  static let shapes = [
    Shape(height: 1, width: 1, input: 8, output: 40),
    Shape(height: 5, width: 7, input: 3, output: 5),
    Shape(images: 2, height: 4, width: 4, input: 32, output: 32),
    Shape(height: 6, width: 6, input: 20, output: 3),  // taps side by side
    Shape(height: 9, width: 13, input: 64, output: 97),
    Shape(images: 3, height: 8, width: 8, input: 160, output: 128),  // weights by panel
    Shape(height: 2, width: 41, input: 33, output: 2),
    Shape(images: 2, height: 37, width: 20, input: 32, output: 33),
  ]

  /// Every form, algorithm, level and format, with and without what is fused.
  @Test(arguments: shapes)
  func matchesDouble(shape: Shape) throws {
    var worst = [Convolution.Algorithm.direct: 0.0, .winograd: 0.0]
    for format in TensorFormat.allCases
    where format.suits(shape: [shape.output, 9 * shape.input]) {
      let weight = try WeightFixture(
        format, rows: shape.output, columns: 9 * shape.input, seed: 3)
      for form in [Convolution.Form.same, .down, .up]
      where form != .down || min(shape.height, shape.width) >= 2 {
        let fused = form != .up
        let problem = Problem(shape, weight, form, norm: fused, residual: fused)
        let exact = problem.exact()
        for algorithm in [Convolution.Algorithm.direct, .winograd] {
          for level in CPULevel.available {
            let result = try problem.result(algorithm, level: level, threads: 2)
            let error = maximalError(result, exact)
            worst[algorithm] = max(worst[algorithm] ?? 0, error)
            let limit = algorithm == .direct ? Tolerance.direct : Tolerance.winograd
            #expect(error < limit, "\(format) \(form) \(algorithm) \(level)")
          }
        }
      }
    }
    print("convolution \(shape): worst error", worst)
  }

  /// A residual that is the output itself, and threads, change nothing.
  @Test func threadsAndResidualInPlace() throws {
    let shape = Shape(images: 2, height: 19, width: 24, input: 64, output: 64)
    let weight = try WeightFixture(.q8, rows: 64, columns: 9 * 64, seed: 4)
    for algorithm in [Convolution.Algorithm.direct, .winograd] {
      let problem = Problem(shape, weight, .same, norm: true, residual: true)
      let expected = try problem.result(algorithm, level: .best, threads: 1)
      for threads in [2, 3, 5] {
        #expect(try problem.result(algorithm, level: .best, threads: threads) == expected)
      }
      #expect(try problem.result(algorithm, level: .best, threads: 2, inPlace: true) == expected)
    }
  }
}

/// One convolution with everything that belongs to it.
private struct Problem {
  let shape: ConvolutionTests.Shape
  let weight: WeightFixture
  let form: Convolution.Form
  let bias: [Float]
  let input: [Float]
  let gamma: [Float]?
  let beta: [Float]
  let residual: [Float]?
  let height: Int
  let width: Int

  init(
    _ shape: ConvolutionTests.Shape, _ weight: WeightFixture, _ form: Convolution.Form, norm: Bool,
    residual: Bool
  ) {
    var numbers = Numbers(seed: 5)
    self.shape = shape
    self.weight = weight
    self.form = form
    bias = numbers.array(shape.output)
    input = numbers.array(shape.images * shape.height * shape.width * shape.input)
    gamma = norm ? numbers.array(shape.input) : nil
    beta = numbers.array(shape.input)
    let sides = Convolution(weight: weight.matrix, bias: nil, form: form)
    height = sides.outputSide(shape.height)
    width = sides.outputSide(shape.width)
    self.residual =
      residual ? numbers.array(shape.images * height * width * shape.output) : nil
  }

  func result(
    _ algorithm: Convolution.Algorithm, level: CPULevel, threads: Int, inPlace: Bool = false
  ) throws -> [Float] {
    let compute = try Compute(mode: .f32, level: level, threads: threads)
    let convolution = Convolution(
      weight: weight.matrix, bias: FloatVector(bias), form: form, algorithm: algorithm)
    let x = try map(input, shape.height, shape.width, shape.input)
    let added = try residual.map { try map($0, height, width, shape.output) }
    let count = shape.images * height * width * shape.output
    let fresh = [Float](repeating: .nan, count: count)
    let output = try inPlace ? added ?? x : map(fresh, height, width, shape.output)
    let norm = gamma.map {
      GroupNorm(gamma: FloatVector($0), beta: FloatVector(beta), groups: 1, epsilon: 1e-6)
    }
    try compute.convolve(
      convolution, x, norm: norm, silu: norm != nil, adding: added, into: output,
      workspace: Workspace())
    return output.buffer.array()
  }

  private func map(
    _ values: [Float], _ height: Int, _ width: Int, _ channels: Int
  ) throws -> FeatureMap {
    let buffer = try FloatBuffer(values)
    return FeatureMap(
      buffer, images: shape.images, height: height, width: width, channels: channels)
  }

  /// The definition, in double.
  func exact() -> [Double] {
    let input = normalized()
    let stride = form == .down ? 2 : 1
    let factor = form == .up ? 2 : 1
    let start = form == .down ? 0 : -1
    var output: [Double] = []
    for image in 0..<shape.images {
      for y in 0..<height {
        for x in 0..<width {
          var sums = bias.map(Double.init)
          for tap in 0..<9 {
            let row = y * stride + start + tap / 3
            let column = x * stride + start + tap % 3
            guard row >= 0, row < shape.height * factor, column >= 0,
              column < shape.width * factor
            else { continue }
            let pixel = (image * shape.height + row / factor) * shape.width + column / factor
            for co in 0..<shape.output {
              let base = (co * 9 + tap) * shape.input
              for ci in 0..<shape.input {
                sums[co] += input[pixel * shape.input + ci] * Double(weight.values[base + ci])
              }
            }
          }
          for sum in sums { output.append(sum + Double(residual?[output.count] ?? 0)) }
        }
      }
    }
    return output
  }

  private func normalized() -> [Double] {
    guard let gamma else { return input.map(Double.init) }
    let count = shape.height * shape.width * shape.input
    return (0..<shape.images).flatMap { image in
      let x = input[image * count..<(image + 1) * count].map(Double.init)
      let mean = x.reduce(0, +) / Double(count)
      let variance = x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(count)
      return x.enumerated().map { index, x in
        let channel = index % shape.input
        let y = (x - mean) / (variance + 1e-6).squareRoot()
        let z = y * Double(gamma[channel]) + Double(beta[channel])
        return z * sigmoid(z)
      }
    }
  }
}
