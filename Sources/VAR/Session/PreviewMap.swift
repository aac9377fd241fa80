import VARCompute
package import VARCore
import VARImages

/// A linear map from f̂ to colours, [Z + 1] → [3]: what the decoder does on average.
///
/// Fitted by least squares to the decoder's output for drawn tokens, averaged over each position's
/// pixels. It costs microseconds where decoding costs tenths of a second.
package struct PreviewMap: Sendable {
  /// [Z + 1, 3]: a colour for each channel of f̂, then the constant; in units of 8-bit samples.
  private let weights: [Double]

  /// Samples that the fit has at least.
  private static let leastSamples = 256
  /// Keeps directions that the samples hardly show from getting large weights. On 24 pictures of the
  /// demo model 0.1 gave 15.6 dB to the picture's means; 1e-3 gave 15.5, four times the samples 15.4.
  private static let damping = 0.1

  /// Decodes a few pictures of uniformly drawn tokens and fits the map to them.
  /// - Throws: as ``ImageCodec`` does.
  package init(_ codec: ImageCodec) throws {
    let side = codec.patchNumbers.last ?? 1
    var fit = LeastSquares(inputs: codec.latentChannels + 1, outputs: 3)
    var random = RandomSource(seed: 0)
    for _ in 0..<max(1, Self.leastSamples / (side * side)) {
      let tokens = TokenMaps(
        codec.patchNumbers.map { side in
          (0..<side * side).map { _ in
            Int32(truncatingIfNeeded: Int(random.nextWord()) % codec.vocabulary)
          }
        })
      let features = try codec.features(of: tokens)
      let colours = try codec.decode(features).averaged(side: side)
      features.buffer.withSpan { span in
        for position in 0..<side * side {
          let start = features.offset + position * features.channels
          let inputs = (0..<features.channels).map { Double(span[start + $0]) } + [1]
          fit.add(inputs, Array(colours[3 * position..<3 * position + 3]))
        }
      }
    }
    weights = fit.solution(damping: Self.damping)
  }

  /// A picture of one pixel a position of f̂ [1, P, P, Z].
  func image(of features: FeatureMap) -> Image? {
    let channels = features.channels
    var pixels: [UInt8] = []
    features.buffer.withSpan { span in
      for position in 0..<features.pixels {
        for colour in 0..<3 {
          var sum = weights[3 * channels + colour]
          for channel in 0..<channels {
            sum +=
              weights[3 * channel + colour]
              * Double(span[features.offset + position * channels + channel])
          }
          // Of a damaged model it may be no number.
          pixels.append(sum >= 255 ? 255 : sum > 0 ? UInt8(sum.rounded()) : 0)
        }
      }
    }
    return try? Image(width: features.width, height: features.height, pixels: pixels)
  }
}

extension Image {
  /// Means over squares, [side, side, 3].
  fileprivate func averaged(side: Int) -> [Double] {
    let square = max(1, width / side)
    var sums = [Double](repeating: 0, count: 3 * side * side)
    for y in 0..<min(height, side * square) {
      for x in 0..<min(width, side * square) {
        let target = 3 * (y / square * side + x / square)
        for colour in 0..<3 {
          sums[target + colour] += Double(pixels[3 * (y * width + x) + colour])
        }
      }
    }
    return sums.map { $0 / Double(square * square) }
  }
}

/// Least squares by the normal equations.
struct LeastSquares {
  private let inputs: Int
  private let outputs: Int
  private var square: [Double]  // [inputs, inputs], XᵀX
  private var product: [Double]  // [inputs, outputs], XᵀY

  init(inputs: Int, outputs: Int) {
    self.inputs = inputs
    self.outputs = outputs
    square = Array(repeating: 0, count: inputs * inputs)
    product = Array(repeating: 0, count: inputs * outputs)
  }

  /// Takes in a sample.
  mutating func add(_ x: [Double], _ y: [Double]) {
    for row in 0..<inputs {
      for column in 0..<inputs { square[row * inputs + column] += x[row] * x[column] }
      for column in 0..<outputs { product[row * outputs + column] += x[row] * y[column] }
    }
  }

  /// The solution, [inputs, outputs], of XᵀX with a share of its mean diagonal added.
  func solution(damping: Double) -> [Double] {
    var (a, b) = (square, product)
    let trace = (0..<inputs).reduce(0) { $0 + a[$1 * inputs + $1] }
    for index in 0..<inputs { a[index * inputs + index] += damping * trace / Double(inputs) }
    // Gaussian elimination; positive definite, so without pivoting.
    for pivot in 0..<inputs {
      for row in 0..<inputs where row != pivot {
        let factor = a[row * inputs + pivot] / a[pivot * inputs + pivot]
        for column in pivot..<inputs {
          a[row * inputs + column] -= factor * a[pivot * inputs + column]
        }
        for column in 0..<outputs {
          b[row * outputs + column] -= factor * b[pivot * outputs + column]
        }
      }
    }
    return (0..<inputs * outputs).map { b[$0] / a[$0 / outputs * (inputs + 1)] }
  }
}
