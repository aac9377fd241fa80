import Foundation

/// The Inception Score, exp of the mean KL divergence of p(y|x) from p(y) (Salimans et al. 2016).
package enum InceptionScore {
  /// Pictures of a split of the usual evaluator, which takes consecutive ones.
  package static let split = 5_000

  /// Softmax of logits [N, C], in double.
  package static func probabilities(_ logits: Features) -> [[Double]] {
    (0..<logits.count).map { index in
      let row = logits[index]
      let largest = Double(row.max() ?? 0)
      let powers = row.map { exp(Double($0) - largest) }
      let sum = powers.reduce(0, +)
      return powers.map { $0 / sum }
    }
  }

  /// The score of some pictures as one split.
  package static func score(_ probabilities: some Collection<[Double]>) -> Double {
    guard let classes = probabilities.first?.count else { return .nan }
    var marginal = [Double](repeating: 0, count: classes)
    for row in probabilities {
      for (index, value) in row.enumerated() { marginal[index] += value }
    }
    let logs = marginal.map { log($0 / Double(probabilities.count)) }
    var divergence = 0.0
    for row in probabilities {
      for (index, value) in row.enumerated() where value > 0 {
        divergence += value * (log(value) - logs[index])
      }
    }
    return exp(divergence / Double(probabilities.count))
  }

  /// The mean of the scores of consecutive splits, as the usual evaluator takes it; the last may be
  /// smaller.
  package static func splitScore(_ probabilities: [[Double]], of size: Int = split) -> Double {
    let scores = (0..<probabilities.count).chunks(of: size).map { score(probabilities[$0]) }
    return scores.reduce(0, +) / Double(scores.count)
  }
}
