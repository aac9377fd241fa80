package import LinearAlgebra
internal import TensorBytes

/// A figure and its standard error.
package struct Score: Equatable, Sendable, Encodable {
  /// The figure of the whole set.
  package let value: Double
  /// Its standard error; nil where none was estimated.
  package let error: Double?
}

/// The scores of a set of pictures, by the formulas of the usual evaluator (Dhariwal and Nichol 2021).
package struct PictureScores: Sendable {
  /// Fréchet distance of the features: FID, if they are Inception's.
  package private(set) var frechet: Score
  /// Fréchet distance of the spatial features: sFID.
  package private(set) var spatialFrechet: Score?
  /// The Inception Score as the mean over splits of 5,000 consecutive pictures, and as one split.
  package private(set) var inceptionSplits: Score
  package private(set) var inceptionWhole: Score
  /// Shares, where the reference has pictures.
  package private(set) var precision: Score?
  package private(set) var recall: Score?
  /// The same with distances in binary16, as the usual evaluator takes them.
  package private(set) var precisionHalf: Score?
  package private(set) var recallHalf: Score?
  /// Pictures of the set, and of the reference.
  package let count: Int
  package let referenceCount: Int?
  /// What makes a figure mean less than it seems.
  package private(set) var warnings: [String] = []

  /// Fewer have no covariance worth the name.
  package static let leastPictures = 2
  /// Fewer make FID depend on their number.
  package static let usualPictures = 10_000

  /// Scores a set.
  /// - Parameters:
  ///   - goal: what they are held to.
  ///   - resamples: bootstrap samples for standard errors; 0 for none.
  ///   - seed: of these.
  /// - Throws: ``ScoreError/noRoot``.
  package init(
    _ set: SetFeatures, heldTo goal: ScoreGoal, resamples: Int, seed: UInt64 = 0, _ blas: BLAS,
    progress: (String) -> Void = { _ in }
  ) throws {
    let count = set.features.count
    self.count = count
    referenceCount = goal.pictures?.features.count
    progress("Fréchet distance")
    let distance = try FeatureStatistics(set.features, blas)
      .frechetDistance(to: goal.statistics, blas)
    var spatialDistance: Double?
    if let spatial = set.spatial, let spatialGoal = goal.spatial {
      progress("spatial Fréchet distance")
      spatialDistance = try FeatureStatistics(spatial, blas).frechetDistance(to: spatialGoal, blas)
    }
    let probabilities = InceptionScore.probabilities(set.logits)
    let (splits, whole) = (
      InceptionScore.splitScore(probabilities), InceptionScore.score(probabilities)
    )
    var samples = (frechet: [Double](), spatial: [Double](), splits: [Double](), whole: [Double]())
    var random = SplitMix64(state: seed)
    for round in 0..<resamples {
      progress("bootstrap \(round + 1) of \(resamples)")
      let rows = (0..<count).map { _ in random.below(count) }
      samples.frechet.append(
        try FeatureStatistics(set.features, rows: rows, blas)
          .frechetDistance(to: goal.statistics, blas))
      if let spatial = set.spatial, let spatialGoal = goal.spatial {
        samples.spatial.append(
          try FeatureStatistics(spatial, rows: rows, blas).frechetDistance(to: spatialGoal, blas))
      }
      let drawn = rows.map { probabilities[$0] }
      samples.splits.append(InceptionScore.splitScore(drawn))
      samples.whole.append(InceptionScore.score(drawn))
    }
    frechet = Score(value: distance, error: Self.deviation(samples.frechet))
    let spatialError = Self.deviation(samples.spatial)
    spatialFrechet = spatialDistance.map { Score(value: $0, error: spatialError) }
    inceptionSplits = Score(value: splits, error: Self.deviation(samples.splits))
    inceptionWhole = Score(value: whole, error: Self.deviation(samples.whole))
    if let reference = goal.pictures {
      progress("precision and recall")
      let shares = PrecisionRecall(
        samples: set.features, reference: reference.features, blas)
      precision = Self.share(shares.precision, of: count)
      recall = Self.share(shares.recall, of: reference.features.count)
      progress("precision and recall in binary16")
      let rounded = PrecisionRecall(
        samples: set.features, reference: reference.features, arithmetic: .half, blas)
      precisionHalf = Self.share(rounded.precision, of: count)
      recallHalf = Self.share(rounded.recall, of: reference.features.count)
    }
    warn(probabilities)
  }

  /// A share, whose error is that of as many independent draws.
  private static func share(_ share: Double, of count: Int) -> Score {
    Score(value: share, error: (share * (1 - share) / Double(count)).squareRoot())
  }

  private static func deviation(_ samples: [Double]) -> Double? {
    guard samples.count > 1 else { return nil }
    let mean = samples.reduce(0, +) / Double(samples.count)
    let sum = samples.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    return (sum / Double(samples.count - 1)).squareRoot()
  }

  private mutating func warn(_ probabilities: [[Double]]) {
    if count < Self.usualPictures {
      warnings.append(
        "\(count) pictures: Fréchet distances of fewer than \(Self.usualPictures) grow as the set "
          + "shrinks; compare sets of the same size only")
    }
    if count < probabilities.first?.count ?? 0 {
      warnings.append("fewer pictures than features or classes: the covariance has no full rank")
    }
    if Self.isOrdered(probabilities) {
      warnings.append(
        "the pictures seem to be sorted by class: the Inception Score over splits of consecutive "
          + "pictures means nothing then; shuffle the set, as var-run samples does")
    }
  }

  /// Whether neighbours are of one class far more often than by chance.
  static func isOrdered(_ probabilities: [[Double]]) -> Bool {
    let labels = probabilities.map { row in row.indices.max { row[$0] < row[$1] } ?? 0 }
    guard labels.count >= 100 else { return false }
    let pairs = Double(labels.count - 1)
    let same = Double(zip(labels, labels.dropFirst()).count { $0 == $1 })
    let counts = Dictionary(grouping: labels, by: \.self).values.map { Double($0.count) }
    let chance = counts.reduce(0) { $0 + $1 * $1 } / Double(labels.count * labels.count)
    let deviation = (chance * (1 - chance) / pairs).squareRoot()
    return same / pairs > max(2 * chance, chance + 6 * deviation)
  }
}
