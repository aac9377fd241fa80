extension SVGChart {
  /// How many tokens have a KL divergence of about so much.
  /// - Parameters:
  ///   - bins: the middle of each, and its count.
  ///   - least: where the second of all bins begins; what is less, is drawn in the first.
  package static func divergences(
    _ title: String, _ bins: [(middle: Double, count: Int)], least: Double
  ) -> SVGChart {
    let isCut = bins.first.map { $0.middle < least } ?? false
    return SVGChart(
      title,
      x: .init(
        "KL divergence, nats a token"
          + (isCut ? " (0 and all below \(Format.power(least)) in the first bar)" : ""),
        .logarithmic),
      y: .init("tokens", .counting),
      [.init("", .bars, bins.map { ($0.middle, Double($0.count), "") })])
  }
}
