import VARCompute
import VARModel
import VARQuant

/// Tokens of one scale, and how clearly each was the best.
struct EncodedScale {
  var tokens: [Int32] = []
  /// Distance of the second best row minus the best one's (cosines when z-normed): small where
  /// rounding may decide.
  var margins: [Float] = []
}

extension Quantizer {
  /// Quantizes encoder features scale by scale: token, contribution, remaining residual.
  ///
  /// - Parameter features: f of one image, [1, P, P, Z], in a buffer of its own; the residual afterwards.
  /// - Returns: the tokens of each scale; f̂ is in ``latent``.
  func encode(_ features: FeatureMap) throws -> [EncodedScale] {
    let search = try CodebookSearch(weights, compute)
    reset()
    return try patchNumbers.indices.map { scale in
      let input =
        scale == patchNumbers.count - 1
        ? features.matrix : reduced(features.buffer, scale: scale)
      let found = try search.nearest(to: input)
      embed(found.tokens[...], image: 0)
      try accumulate(scale: scale)
      subtractContribution(from: features.buffer)
      return found
    }
  }
}

/// Finds the codebook row nearest to each vector, as the official code computes it in f32.
struct CodebookSearch {
  private let weights: TokenizerWeights
  private let compute: Compute
  private let input: ActivationBuffer  // [n, Z]
  private let products: FloatBuffer  // [n, V]
  /// ‖e‖² of each row, or 1/max(‖e‖, 1e-12) when z-normed; [V].
  private let norms: [Float]

  init(_ weights: TokenizerWeights, _ compute: Compute) throws {
    let shape = weights.configuration
    let largest = shape.patchNumbers.map { $0 * $0 }.max() ?? 0
    self.weights = weights
    self.compute = compute
    input = try compute.activations(rows: largest, columns: shape.latentChannels)
    products = try FloatBuffer(count: largest * shape.vocabulary)
    norms = weights.codebook.withSpan { codebook in
      (0..<shape.vocabulary).map { row in
        let square = Self.squaredNorm(codebook, row: row, width: shape.latentChannels)
        return shape.zNormalized ? 1 / max(square.squareRoot(), 1e-12) : square
      }
    }
  }

  private static func squaredNorm(_ values: Span<Float>, row: Int, width: Int) -> Float {
    var sum: Float = 0
    for index in row * width..<(row + 1) * width { sum += values[index] * values[index] }
    return sum
  }

  /// The first row with the least ‖z‖² + ‖e‖² − 2z·e, or with the largest cosine when z-normed.
  ///
  /// - Parameter vectors: [n, Z].
  func nearest(to vectors: FloatMatrix) throws -> EncodedScale {
    let vocabulary = weights.configuration.vocabulary
    try compute.prepare(vectors, into: input)
    try compute.linear(
      input, weights.codebookMatrix, into: products.matrix(rows: vectors.rows, columns: vocabulary))
    var result = EncodedScale()
    for row in 0..<vectors.rows {
      let square = vectors.buffer.withSpan {
        Self.squaredNorm($0, row: row, width: vectors.columns)
      }
      products.withSpan(in: row * vocabulary..<(row + 1) * vocabulary) { products in
        let (token, margin) = best(products, square: square)
        result.tokens.append(Int32(truncatingIfNeeded: token))
        result.margins.append(margin)
      }
    }
    return result
  }

  private func best(_ products: Span<Float>, square: Float) -> (token: Int, margin: Float) {
    let cosine = weights.configuration.zNormalized
    var token = 0
    var least = Float.infinity
    var second = Float.infinity
    for row in 0..<products.count {
      let distance =
        cosine ? -products[row] * norms[row] : (square + norms[row]) - 2 * products[row]
      if distance < least {
        (token, second, least) = (row, least, distance)
      } else if distance < second {
        second = distance
      }
    }
    // The products still hold ‖z‖, which the choice does not depend on.
    return (token, (second - least) * (cosine ? 1 / max(square.squareRoot(), 1e-12) : 1))
  }
}
