package import LinearAlgebra

/// Mean and covariance of features, in double, as `numpy.mean` and `numpy.cov` (N − 1) give them.
package struct FeatureStatistics: Sendable {
  /// [D].
  package let mean: [Double]
  /// [D, D].
  package let covariance: SymmetricMatrix

  /// Takes known ones, such as a reference file's.
  package init(mean: [Double], covariance: SymmetricMatrix) {
    precondition(covariance.size == mean.count, "mean and covariance differ in size")
    self.mean = mean
    self.covariance = covariance
  }

  /// Of some rows of features [N, D]; at least two.
  /// - Parameter rows: which, any of them as often as it is named; nil for all.
  package init(_ features: Features, rows: [Int]? = nil, _ blas: BLAS) {
    let size = features.size
    let count = rows?.count ?? features.count
    precondition(count > 1, "a covariance needs two rows")
    func row(_ index: Int) -> Int { rows?[index] ?? index }
    var mean = [Double](repeating: 0, count: size)
    features.withRows { values in
      for index in 0..<count {
        let start = row(index) * size
        for column in 0..<size { mean[column] += Double(values[start + column]) }
      }
    }
    for column in 0..<size { mean[column] /= Double(count) }
    // Centred before they are multiplied: no difference of large numbers.
    var covariance = SymmetricMatrix(size: size)
    for piece in (0..<count).chunks(of: 1024) {
      var centred = [Double](repeating: 0, count: piece.count * size)
      features.withRows { values in
        for (place, index) in piece.enumerated() {
          let start = row(index) * size
          for column in 0..<size {
            centred[place * size + column] = Double(values[start + column]) - mean[column]
          }
        }
      }
      covariance.addSquare(of: centred, blas)
    }
    covariance.scale(by: 1 / Double(count - 1))
    self.mean = mean
    self.covariance = covariance
  }

  /// The Fréchet distance to others: |Δμ|² + tr Σ₁ + tr Σ₂ − 2 tr √(Σ₁Σ₂) (Heusel et al. 2017; FID
  /// where the features are Inception's).
  ///
  /// tr √(Σ₁Σ₂) is the sum of the roots of the eigenvalues of √Σ₁ Σ₂ √Σ₁, which is symmetric. As the usual
  /// evaluator does, 1e-6 is added to the diagonals only where a root is not finite.
  /// - Throws: ``ScoreError/noRoot`` where LAPACK finds no eigenvalues even so.
  package func frechetDistance(to other: FeatureStatistics, _ blas: BLAS) throws(ScoreError)
    -> Double
  {
    precondition(mean.count == other.mean.count, "features of different sizes")
    let difference = zip(mean, other.mean).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    guard
      let root = Self.traceOfRoot(covariance, other.covariance, blas)
        ?? Self.traceOfRoot(covariance.lifted, other.covariance.lifted, blas)
    else { throw .noRoot }
    return difference + covariance.trace + other.covariance.trace - 2 * root
  }

  private static func traceOfRoot(
    _ first: SymmetricMatrix, _ second: SymmetricMatrix, _ blas: BLAS
  ) -> Double? {
    guard let root = first.squareRoot(blas),
      let eigenvalues = root.sandwich(second, blas).eigenvalues(blas)
    else { return nil }
    return eigenvalues.reduce(0) { $0 + max(0, $1).squareRoot() }
  }
}

extension SymmetricMatrix {
  fileprivate var lifted: SymmetricMatrix {
    var copy = self
    copy.addToDiagonal(1e-6)
    return copy
  }
}

extension Range<Int> {
  /// Its parts of at most so many numbers, in order.
  func chunks(of size: Int) -> [Range<Int>] {
    stride(from: lowerBound, to: upperBound, by: size).map { $0..<Swift.min($0 + size, upperBound) }
  }
}
