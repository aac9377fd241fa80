import Testing
import VARCompute

/// Largest difference to the definition in double; outputs are of the order of 1.
private let tolerance = 6e-6

@Suite struct GroupNormTests {
  /// Means far from zero, few and many pixels, odd group widths; in place too.
  @Test(arguments: [(1, 3, 64, 0), (2, 100, 64, 0), (1, 5000, 96, 30), (3, 1100, 160, 300)])
  func matchesDouble(images: Int, pixels: Int, channels: Int, mean: Float) throws {
    var numbers = Numbers(seed: 6)
    let x = numbers.array(images * pixels * channels).enumerated().map { index, x in
      x * Float(1 + index % channels % 7) + mean
    }
    let norm = GroupNorm(
      gamma: FloatVector(numbers.array(channels)), beta: FloatVector(numbers.array(channels)))
    // f32 keeps 24 bits of the input, so a large mean takes digits from every implementation.
    let limit = tolerance * Double(1 + mean)
    var worst = 0.0
    for silu in [false, true] {
      let exact = exact(x, images, pixels, channels, norm, silu)
      for level in CPULevel.available {
        let compute = try Compute(mode: .f32, level: level, threads: 2)
        let buffer = try FloatBuffer(x)
        let map = FeatureMap(buffer, images: images, height: 1, width: pixels, channels: channels)
        try compute.groupNorm(map, norm, silu: silu, into: map, workspace: Workspace())
        let difference = zip(buffer.array(), exact).map { abs(Double($0) - $1) }.max() ?? .nan
        worst = max(worst, difference)
        #expect(difference < limit, "\(level) silu \(silu)")
      }
    }
    print("GroupNorm [\(images), \(pixels), \(channels)] mean \(mean): worst error \(worst)")
  }

  private func exact(
    _ x: [Float], _ images: Int, _ pixels: Int, _ channels: Int, _ norm: GroupNorm, _ silu: Bool
  ) -> [Double] {
    var output = x.map(Double.init)
    let width = channels / norm.groups
    for image in 0..<images {
      for group in 0..<norm.groups {
        let indices = (0..<pixels).flatMap { pixel in
          let start = (image * pixels + pixel) * channels + group * width
          return Array(start..<start + width)
        }
        let count = Double(indices.count)
        let mean = indices.reduce(0) { $0 + output[$1] } / count
        let square = indices.reduce(0) { $0 + (output[$1] - mean) * (output[$1] - mean) }
        let scale = 1 / (square / count + norm.epsilon).squareRoot()
        for index in indices {
          let channel = index % channels
          let y = (output[index] - mean) * scale * Double(norm.gamma[channel])
          let z = y + Double(norm.beta[channel])
          output[index] = silu ? z * sigmoid(z) : z
        }
      }
    }
    return output
  }
}
