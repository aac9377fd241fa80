import VARCore

/// Log-probabilities of rows of logits.
package enum LogSoftmax {
  /// ln Σ exp(logit) of one row, in f64.
  package static func normalizer(_ logits: Span<Float>) -> Double {
    var largest = -Float.infinity
    for index in 0..<logits.count { largest = max(largest, logits[index]) }
    guard largest.isFinite else { return Double(largest) }
    var sum = 0.0
    for index in 0..<logits.count { sum += Double(exponential(logits[index] - largest)) }
    return Double(largest) + logarithm(sum)
  }

  /// The first position of the largest logit.
  package static func argmax(_ logits: Span<Float>) -> Int {
    var best = 0
    for index in 1..<max(1, logits.count) where logits[index] > logits[best] { best = index }
    return best
  }

  /// Kullback–Leibler divergence Σ p·(ln p − ln q) of two rows of logits, in nats, at least 0.
  package static func divergence(_ reference: Span<Float>, _ other: Span<Float>) -> Double {
    let base = normalizer(reference)
    let otherBase = normalizer(other)
    var sum = 0.0
    for index in 0..<min(reference.count, other.count) {
      let logP = Double(reference[index]) - base
      sum += exponential(logP) * (logP - (Double(other[index]) - otherBase))
    }
    return max(0, sum)
  }
}
