/// How many tokens have a divergence of about so much: bins of half a power of ten.
package struct DivergenceHistogram: Equatable, Sendable {
  /// Where the second bin begins; all that is less, 0 too, is in the first.
  package static let least = 1e-12
  /// Bins of half a decade from ``least`` to 100 nats, and one below; the last one has all that is more.
  package private(set) var counts = [Int](repeating: 0, count: 29)

  /// Counts divergences in nats.
  package init(_ divergences: some Sequence<Double> = []) {
    for divergence in divergences { add(divergence) }
  }

  /// Takes in what another one has counted.
  package mutating func add(_ other: DivergenceHistogram) {
    for bin in counts.indices { counts[bin] += other.counts[bin] }
  }

  private mutating func add(_ divergence: Double) {
    let last = counts.count - 1
    guard divergence < 100 else {
      counts[last] += 1
      return
    }
    guard divergence >= Self.least else {
      counts[0] += 1
      return
    }
    let step = 2 * (divergence / Self.least).decimalLogarithm
    counts[min(max(1 + Int(step), 1), last)] += 1
  }

  /// The bins that aren't empty and those between them: the middle of each, by its logarithm, and its count.
  package var bins: [(middle: Double, count: Int)] {
    guard let first = counts.firstIndex(where: { $0 > 0 }),
      let last = counts.lastIndex(where: { $0 > 0 })
    else { return [] }
    return (first...last).map { (Self.middle($0), counts[$0]) }
  }

  private static func middle(_ bin: Int) -> Double {
    // 10^(1/4) and 10^(1/2): of bins below the first, too.
    let quarter = 1.7782794100389228
    let half = 3.1622776601683795
    return (0..<bin).reduce(least / quarter) { middle, _ in middle * half }
  }
}
