/// Why pictures can't be scored.
package enum ScoreError: Error, Equatable, Sendable, CustomStringConvertible {
  /// LAPACK found no eigenvalues.
  case noRoot
  /// Pictures that are no array [N, H, W, 3] of bytes.
  case noPictures(path: String, shape: [Int])
  /// A folder without pictures.
  case noFiles(path: String)
  /// Pictures of different sizes.
  case size(path: String, width: Int, height: Int, expected: Int)
  /// Fewer pictures than a figure needs.
  case tooFew(path: String, count: Int)
  /// The network's file is none of ours.
  case network(path: String, reason: String)
  /// A checkpoint that is none of the network.
  case weights(path: String, reason: String)
  /// Features that are no numbers.
  case notFinite(path: String)
  /// Statistics of another size.
  case statistics(path: String, size: Int, expected: Int)

  /// The message for the user.
  package var description: String {
    switch self {
    case .noRoot: "the features' covariance has no root: they are no numbers, or far too large"
    case .noPictures(let path, let shape):
      "\(path): arr_0 has the shape \(shape), where pictures are [N, H, W, 3] of uint8"
    case .noFiles(let path): "\(path) holds no PNG or JPEG files"
    case .size(let path, let width, let height, let expected):
      "\(path) has \(width)×\(height) pixels, and others of the set \(expected) a side"
    case .tooFew(let path, let count):
      "\(path) has too few pictures, \(count); at least \(PictureScores.leastPictures) are needed"
    case .network(let path, let reason): "\(path) holds no network that scores pictures: \(reason)"
    case .weights(let path, let reason): "\(path): \(reason)"
    case .notFinite(let path):
      "\(path): features of it are no numbers; the network's weights are damaged"
    case .statistics(let path, let size, let expected):
      "\(path): its mu and sigma are of \(size) features, the network has \(expected)"
    }
  }
}
