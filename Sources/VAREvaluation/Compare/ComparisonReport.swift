/// How far one model's predictions are from another's, in the manner of llama.cpp's report.
///
/// Tokens of one picture depend on each other, so standard errors are taken over pictures.
package struct ComparisonReport: Sendable {
  /// A number and its standard error.
  package struct Estimate: Equatable, Sendable, Encodable {
    /// The number.
    package var value: Double
    /// Its standard error over pictures.
    package var error: Double
  }

  /// The figures of one scale, or of all.
  package struct Summary: Equatable, Sendable, Encodable {
    /// Kullback–Leibler divergence in nats: mean over tokens.
    package var meanDivergence: Estimate
    /// Its median.
    package var median: Double
    /// Its 90th percentile.
    package var percentile90: Double
    /// Its 95th percentile.
    package var percentile95: Double
    /// Its 99th percentile.
    package var percentile99: Double
    /// Its largest value.
    package var maximum: Double
    /// Share of tokens whose most probable token is the same.
    package var sameTop: Estimate
    /// Mean loss of the model.
    package var loss: Double
    /// Mean loss of the reference.
    package var referenceLoss: Double
    /// loss / referenceLoss.
    package var lossRatio: Estimate
  }

  /// Side of each scale's token map.
  package let patchNumbers: [Int]
  /// All tokens' divergences, by scale.
  private var divergences: [[Double]]
  /// Each picture's means, by scale; the last entry is over all tokens.
  private var images: [[ImageMeans]]

  private struct ImageMeans: Sendable {
    var divergence = 0.0
    var sameTop = 0.0
    var loss = 0.0
    var referenceLoss = 0.0

    init(_ tokens: some Collection<TokenDifference>) {
      for token in tokens {
        divergence += token.divergence
        sameTop += token.sameTop ? 1 : 0
        loss += token.loss
        referenceLoss += token.referenceLoss
      }
      let count = Double(max(1, tokens.count))
      divergence /= count
      sameTop /= count
      loss /= count
      referenceLoss /= count
    }
  }

  init(patchNumbers: [Int]) {
    self.patchNumbers = patchNumbers
    divergences = patchNumbers.map { _ in [] }
    images = Array(repeating: [], count: patchNumbers.count + 1)
  }

  /// Pictures that were compared.
  package var count: Int { images[0].count }

  mutating func add(_ image: [[TokenDifference]]) {
    for (scale, tokens) in image.enumerated() {
      divergences[scale] += tokens.map(\.divergence)
      images[scale].append(ImageMeans(tokens))
    }
    images[patchNumbers.count].append(ImageMeans(image.flatMap { $0 }))
  }

  /// The figures of one scale.
  /// - Precondition: `scale` is one of the model's.
  package func summary(scale: Int) -> Summary { summary(divergences[scale], images[scale]) }

  /// The figures of all tokens.
  package var total: Summary { summary(divergences.flatMap { $0 }, images[patchNumbers.count]) }

  /// All tokens' divergences.
  package var histogram: DivergenceHistogram { DivergenceHistogram(divergences.joined()) }

  private func summary(_ divergences: [Double], _ images: [ImageMeans]) -> Summary {
    let sorted = divergences.sorted()
    func percentile(_ share: Double) -> Double {
      sorted.isEmpty ? 0 : sorted[Int((share * Double(sorted.count - 1)).rounded())]
    }
    let loss = Self.estimate(images.map(\.loss)).value
    let reference = Self.estimate(images.map(\.referenceLoss)).value
    let ratio = reference == 0 ? 1 : loss / reference
    // Delta method: loss and reference loss of a picture vary together.
    let residuals = images.map { ($0.loss - ratio * $0.referenceLoss) / max(reference, 1e-300) }
    return Summary(
      meanDivergence: Self.estimate(images.map(\.divergence)), median: percentile(0.5),
      percentile90: percentile(0.9), percentile95: percentile(0.95),
      percentile99: percentile(0.99), maximum: sorted.last ?? 0,
      sameTop: Self.estimate(images.map(\.sameTop)), loss: loss, referenceLoss: reference,
      lossRatio: Estimate(value: ratio, error: Self.estimate(residuals).error))
  }

  private static func estimate(_ values: [Double]) -> Estimate {
    var mean = RunningMean()
    for value in values { mean.add(value) }
    return Estimate(value: mean.mean, error: mean.standardError)
  }
}

extension ComparisonReport: Encodable {
  private enum CodingKeys: String, CodingKey {
    case images
    case total
    case perScale = "per_scale"
  }

  /// Writes `images`, `total` and `per_scale`.
  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(count, forKey: .images)
    try container.encode(total, forKey: .total)
    try container.encode(patchNumbers.indices.map(summary(scale:)), forKey: .perScale)
  }
}

extension ComparisonReport.Summary {
  private enum CodingKeys: String, CodingKey {
    case meanDivergence = "kl_mean"
    case median = "kl_median"
    case percentile90 = "kl_p90"
    case percentile95 = "kl_p95"
    case percentile99 = "kl_p99"
    case maximum = "kl_max"
    case sameTop = "same_top_1"
    case loss
    case referenceLoss = "reference_loss"
    case lossRatio = "loss_ratio"
  }
}
