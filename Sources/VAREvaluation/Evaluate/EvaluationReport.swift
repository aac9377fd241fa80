package import VARCore

/// How well one picture's tokens were predicted at one scale.
package struct ScaleScore: Equatable, Sendable, Codable {
  /// Tokens of the scale, p_k².
  package var tokens: Int
  /// Sum of the tokens' cross-entropies in nats.
  package var loss: Double
  /// Tokens that are not the first largest logit.
  package var errors: Int

  /// Makes a score.
  package init(tokens: Int, loss: Double, errors: Int) {
    self.tokens = tokens
    self.loss = loss
    self.errors = errors
  }
}

/// One picture's scores, coarse to fine.
package struct ImageScore: Equatable, Sendable, Codable {
  /// Scale by scale.
  package var scales: [ScaleScore]

  /// Makes a score.
  package init(scales: [ScaleScore]) { self.scales = scales }

  /// Mean cross-entropy of all tokens.
  package var loss: Double { loss(scales) }

  /// Share of all tokens that are not the most probable ones.
  package var error: Double { error(scales) }

  /// Mean cross-entropy of some scales' tokens.
  func loss(_ range: some Sequence<ScaleScore>) -> Double {
    let sums = range.reduce(into: (0.0, 0)) { $0 = ($0.0 + $1.loss, $0.1 + $1.tokens) }
    return sums.0 / Double(max(1, sums.1))
  }

  /// Share of some scales' tokens that are not the most probable ones.
  func error(_ range: some Sequence<ScaleScore>) -> Double {
    let sums = range.reduce(into: (0, 0)) { $0 = ($0.0 + $1.errors, $0.1 + $1.tokens) }
    return Double(sums.0) / Double(max(1, sums.1))
  }
}

/// The paper's validation over a set of pictures: means over pictures, with standard errors.
///
/// L_mean and Err_mean are over all L tokens, L_tail and Err_tail over the last scale (section 4.2).
package struct EvaluationReport: Equatable, Sendable {
  /// Mean and standard error of one quantity.
  package struct Estimate: Equatable, Sendable {
    /// Cross-entropy in nats.
    package var loss = RunningMean()
    /// Fraction of tokens that are not the most probable ones.
    package var error = RunningMean()
  }

  /// Side of each scale's token map.
  package let patchNumbers: [Int]
  /// Over all tokens.
  package private(set) var mean = Estimate()
  /// Over the last scale.
  package private(set) var tail = Estimate()
  /// Scale by scale.
  package private(set) var perScale: [Estimate]

  /// Names of pictures that could not be read; nil where none may be left out.
  package private(set) var skipped: [String]?

  /// Starts a report for a model with these scales.
  /// - Parameter maySkip: whether pictures may be left out.
  package init(patchNumbers: [Int], maySkip: Bool = false) {
    self.patchNumbers = patchNumbers
    skipped = maySkip ? [] : nil
    perScale = Array(repeating: Estimate(), count: patchNumbers.count)
  }

  /// Pictures that were added.
  package var images: Int { mean.loss.count }

  /// Adds one picture.
  /// - Throws: ``ModelError/tokenMaps(expected:actual:)`` when it has other scales.
  package mutating func add(_ image: ImageScore) throws(ModelError) {
    let expected = patchNumbers.map { $0 * $0 }
    guard image.scales.map(\.tokens) == expected else {
      throw .tokenMaps(expected: expected, actual: image.scales.map(\.tokens))
    }
    Self.add(image, image.scales[...], to: &mean)
    Self.add(image, image.scales.suffix(1), to: &tail)
    for scale in perScale.indices {
      Self.add(image, image.scales[scale...scale], to: &perScale[scale])
    }
  }

  /// Notes that a picture is left out.
  package mutating func skip(_ name: String) { skipped?.append(name) }

  private static func add(
    _ image: ImageScore, _ range: ArraySlice<ScaleScore>, to estimate: inout Estimate
  ) {
    estimate.loss.add(image.loss(range))
    estimate.error.add(image.error(range))
  }
}

extension EvaluationReport: Encodable {
  private struct Row: Encodable {
    let scale: Int
    let side: Int
    let loss: Double
    let lossError: Double
    let err: Double
    let errError: Double

    enum CodingKeys: String, CodingKey {
      case scale
      case side
      case loss
      case lossError = "loss_se"
      case err
      case errError = "err_se"
    }
  }

  private enum CodingKeys: String, CodingKey {
    case images
    case skipped
    case skippedImages = "skipped_images"
    case lossMean = "L_mean"
    case lossMeanError = "L_mean_se"
    case lossTail = "L_tail"
    case lossTailError = "L_tail_se"
    case errorMean = "Err_mean"
    case errorMeanError = "Err_mean_se"
    case errorTail = "Err_tail"
    case errorTailError = "Err_tail_se"
    case perScale = "per_scale"
  }

  /// Writes `L_mean`, `L_tail`, `Err_mean`, `Err_tail`, `images` and `per_scale`, each with `_se`; where
  /// pictures may be left out, `skipped` and `skipped_images` too.
  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(images, forKey: .images)
    try container.encodeIfPresent(skipped?.count, forKey: .skipped)
    try container.encodeIfPresent(skipped, forKey: .skippedImages)
    try container.encode(mean.loss.mean, forKey: .lossMean)
    try container.encode(mean.loss.standardError, forKey: .lossMeanError)
    try container.encode(tail.loss.mean, forKey: .lossTail)
    try container.encode(tail.loss.standardError, forKey: .lossTailError)
    try container.encode(mean.error.mean, forKey: .errorMean)
    try container.encode(mean.error.standardError, forKey: .errorMeanError)
    try container.encode(tail.error.mean, forKey: .errorTail)
    try container.encode(tail.error.standardError, forKey: .errorTailError)
    let rows = perScale.enumerated().map { scale, estimate in
      Row(
        scale: scale, side: patchNumbers[scale], loss: estimate.loss.mean,
        lossError: estimate.loss.standardError, err: estimate.error.mean,
        errError: estimate.error.standardError)
    }
    try container.encode(rows, forKey: .perScale)
  }
}
