import Foundation
internal import LinearAlgebra
internal import SafetensorsIO

/// What pictures are held to: those of a reference, statistics of one, or both, as ADM's reference files
/// have them (`arr_0`, `mu`, `sigma`, `mu_s`, `sigma_s`).
package struct ScoreReference: Sendable {
  /// The path as it was given.
  package let path: String
  /// The reference's pictures; nil where there are statistics alone.
  package let pictures: PictureSet?
  /// Statistics of the features, and of the spatial ones, where the file has them.
  package let statistics: FeatureStatistics?
  package let spatialStatistics: FeatureStatistics?

  /// Opens a reference.
  /// - Throws: `NumPyError` where the file has neither pictures nor statistics, errors of the file.
  package init(_ path: String, sizes: (features: Int, spatial: Int, logits: Int)) throws {
    self.path = path
    pictures = try PictureSet(path)
    var isDirectory: ObjCBool = false
    guard
      unsafe !(FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory)
        && isDirectory.boolValue)
    else {
      statistics = nil
      spatialStatistics = nil
      return
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
    statistics = try read("mu", "sigma", sizes.features)
    spatialStatistics = sizes.spatial > 0 ? try read("mu_s", "sigma_s", sizes.spatial) : nil
    if pictures == nil, statistics == nil { _ = try file.array("arr_0") }
  }
}
