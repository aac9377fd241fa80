extension RandomSource {
  /// Draws `count` class labels, each with probability 1/`classes`, as
  /// `torch.multinomial(uniform, count, replacement=True)` does before a run of the official code.
  ///
  /// One label is drawn by the exponential race, several by inverting the cumulative distribution.
  /// - Precondition: `classes` ≥ 1; with less the result is empty.
  package mutating func drawLabels(_ count: Int, classes: Int) -> [Int] {
    guard count > 0, classes > 0 else { return [] }
    if count == 1 { return [Self.winner((0..<classes).map { _ in nextExponential() })] }
    let probability = Float(1 / Double(classes))
    let cumulative = Self.cumulative(probability, classes: classes)
    return (0..<count).map { _ in Self.firstIndex(in: cumulative, reaching: nextUniform()) }
  }

  /// The first largest p/q among equally probable labels.
  static func winner(_ draws: [Float]) -> Int {
    let probability = Float(1 / Double(draws.count))
    var best = 0
    var bestScore = -Float.infinity
    for (label, draw) in draws.enumerated() {
      let score = probability / draw
      if score > bestScore { (best, bestScore) = (label, score) }
    }
    return best
  }

  /// Sequential f32 sums divided by their total; the last is 1 whatever rounding did.
  private static func cumulative(_ probability: Float, classes: Int) -> [Float] {
    var sums: [Float] = []
    sums.reserveCapacity(classes)
    var sum: Float = 0
    for _ in 0..<classes {
      sum += probability
      sums.append(sum)
    }
    for index in sums.indices { sums[index] /= sum }
    sums[classes - 1] = 1
    return sums
  }

  /// The first index whose sum is at least `target`, by bisection.
  private static func firstIndex(in sums: [Float], reaching target: Double) -> Int {
    var low = 0
    var high = sums.count
    while low < high {
      let middle = low + (high - low) / 2
      if Double(sums[middle]) < target { low = middle + 1 } else { high = middle }
    }
    return min(low, sums.count - 1)
  }
}
