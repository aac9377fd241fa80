package import LinearAlgebra
internal import SafetensorsIO
internal import TensorBytes

/// What pictures are held to: those of a reference, statistics of one, or both, as ADM's reference files
/// have them (`arr_0`, `mu`, `sigma`, `mu_s`, `sigma_s`).
package struct ScoreReference: Sendable {
  /// The path as it was given.
  package let path: String
  /// What it holds.
  package let content: Content

  /// What a reference may hold: statistics are of the features, and of the spatial ones.
  package enum Content: Sendable {
    /// Pictures, and the statistics that stand beside them.
    case pictures(PictureSet, FeatureStatistics?, spatial: FeatureStatistics?)
    /// Statistics alone.
    case statistics(FeatureStatistics, spatial: FeatureStatistics?)
  }

  /// The files that are read.
  package var files: [String] {
    if case .pictures(let pictures, _, _) = content { pictures.files } else { [path] }
  }

  /// Opens a reference.
  /// - Throws: `NumPyError` where the file has neither pictures nor statistics,
  ///   ``ScoreError/tooFew(path:count:)``, errors of the file.
  package init(_ path: String, sizes: (features: Int, spatial: Int, logits: Int)) throws {
    self.path = path
    let pictures = try PictureSet(path)
    if let pictures {
      guard pictures.count >= PictureScores.leastPictures else {
        throw ScoreError.tooFew(path: path, count: pictures.count)
      }
      if Folder.exists(path) {
        content = .pictures(pictures, nil, spatial: nil)
        return
      }
    }
    let file = try NumPyFile(path)
    func read(_ mean: String, _ covariance: String, _ size: Int) throws -> FeatureStatistics? {
      guard file.arrays.contains(where: { $0.name == mean }) else { return nil }
      let (mu, sigma) = try (file.array(mean), file.array(covariance))
      guard mu.shape == [size], sigma.shape == [size, size] else {
        throw ScoreError.statistics(path: path, size: mu.count, expected: size)
      }
      return FeatureStatistics(
        mean: try file.doubles(mu),
        covariance: SymmetricMatrix(size: size, try file.doubles(sigma)))
    }
    let statistics = try read("mu", "sigma", sizes.features)
    let spatial = sizes.spatial > 0 ? try read("mu_s", "sigma_s", sizes.spatial) : nil
    if let pictures {
      content = .pictures(pictures, statistics, spatial: spatial)
    } else if let statistics {
      content = .statistics(statistics, spatial: spatial)
    } else {
      _ = try file.array("arr_0")
      throw ScoreError.noPictures(path: path, shape: [])
    }
  }
}

/// What the features of a set are held to.
package struct ScoreGoal: Sendable {
  let statistics: FeatureStatistics
  let spatial: FeatureStatistics?
  /// Those of the reference's pictures; nil where there are statistics alone.
  let pictures: SetFeatures?

  /// Features of pictures; statistics that are known stand in for theirs.
  package init(
    _ pictures: SetFeatures, known: FeatureStatistics? = nil,
    knownSpatial: FeatureStatistics? = nil, _ blas: BLAS
  ) {
    statistics = known ?? FeatureStatistics(pictures.features, blas)
    spatial = knownSpatial ?? pictures.spatial.map { FeatureStatistics($0, blas) }
    self.pictures = pictures
  }

  /// Statistics alone.
  package init(_ statistics: FeatureStatistics, spatial: FeatureStatistics? = nil) {
    self.statistics = statistics
    self.spatial = spatial
    pictures = nil
  }
}
