import VARCompute
import VARCore

/// How far the guided logits of a scale are from the reference's, as predictions.
package struct PredictionComparison: Equatable, Sendable, Encodable {
  /// The scale, from 0.
  package let scale: Int
  /// Kullback–Leibler divergence from the reference in nats: mean over positions.
  package let meanDivergence: Double
  /// Its 99th percentile.
  package let percentile99: Double
  /// Its largest value.
  package let maximum: Double
  /// Share of positions whose most probable token is the same.
  package let sameTop: Double
  /// Share of positions that draw the same token with the same random numbers.
  package let sameSample: Double
  /// Share of positions where the reference's logits give the reference's tokens: below 1 the
  /// random numbers differ (another PyTorch version?).
  package let reproduced: Double
  /// All positions' divergences; no part of the JSON.
  package let histogram: DivergenceHistogram

  private enum CodingKeys: String, CodingKey {
    case scale
    case meanDivergence = "kl_mean"
    case percentile99 = "kl_p99"
    case maximum = "kl_max"
    case sameTop = "same_top_1"
    case sameSample = "same_sample"
    case reproduced
  }

  init(
    scale: Int, _ ours: [Float], reference: [Float], vocabulary: Int, tokens: [Int32],
    drawn: [Int32], referenceDrawn: [Int32]
  ) {
    var divergences: [Double] = []
    var same = 0
    for row in tokens.indices {
      let range = row * vocabulary..<(row + 1) * vocabulary
      let (divergence, sameTop) = Self.compare(ours[range], reference[range])
      divergences.append(divergence)
      same += sameTop ? 1 : 0
    }
    divergences.sort()
    let count = Double(max(1, tokens.count))
    self.scale = scale
    histogram = DivergenceHistogram(divergences)
    meanDivergence = divergences.reduce(0, +) / count
    percentile99 = divergences[Int((0.99 * Double(divergences.count - 1)).rounded())]
    maximum = divergences.last ?? 0
    sameTop = Double(same) / count
    sameSample = Double(zip(drawn, tokens).count { $0 == $1 }) / count
    reproduced = Double(zip(referenceDrawn, tokens).count { $0 == $1 }) / count
  }

  private static func compare(
    _ ours: ArraySlice<Float>, _ reference: ArraySlice<Float>
  ) -> (divergence: Double, sameTop: Bool) {
    unsafe ours.withUnsafeBufferPointer { ours in
      unsafe reference.withUnsafeBufferPointer { reference in
        let (own, other) = unsafe (Span(_unsafeElements: ours), Span(_unsafeElements: reference))
        return (
          LogSoftmax.divergence(other, own), LogSoftmax.argmax(own) == LogSoftmax.argmax(other)
        )
      }
    }
  }
}
