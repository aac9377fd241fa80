package import VARModel

/// Why a `.varq` file can't be run as a model.
package enum ModelError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The file holds just the other half of a model.
  case missingHalf(path: String, half: ModelHalf, purpose: String)
  /// A class label is neither one of the model's classes nor the unconditional one.
  case label(Int, classes: Int)
  /// Token maps don't have the scales of this model.
  case tokenMaps(expected: [Int], actual: [Int])
  /// A token is not a row of the codebook.
  case token(Int, scale: Int, position: Int, vocabulary: Int)
  /// A picture has another size than the model's.
  case pixels(expected: Int, width: Int, height: Int)
  /// Features have another shape than the model's last map.
  case features(expected: [Int], actual: [Int])
  /// Two models that shall be compared have different vocabularies.
  case vocabulary(expected: Int, actual: Int)
  /// More or fewer things than images: seeds, labels, masks or token maps.
  case count(of: String, expected: Int, actual: Int)
  /// Guidance was asked of a generator that was made without.
  case unguided
  /// A mask has another side than the model's last token map.
  case mask(expected: Int, actual: Int)
  /// More images share a generator on a GPU than PyTorch draws numbers for at once.
  case batchOnDevice(images: Int, limit: Int)
  /// What encoder or decoder computed holds an infinity or a NaN.
  case notFinite(String)

  /// The message for the user.
  package var description: String {
    switch self {
    case .missingHalf(let path, let half, let purpose):
      "\(path) holds no \(half == .transformer ? "transformer" : "VQ-VAE"), which \(purpose) "
        + "needs; convert both halves into one file"
    case .label(let label, let classes):
      "class \(label) does not exist; the model has the classes 0 to \(classes - 1)"
    case .tokenMaps(let expected, let actual):
      "the token maps have \(actual) tokens a scale, the model has \(expected)"
    case .token(let token, let scale, let position, let vocabulary):
      "token \(token) at scale \(scale), position \(position) is outside the vocabulary of "
        + "\(vocabulary)"
    case .pixels(let expected, let width, let height):
      "the picture has \(width) x \(height) pixels, the model takes \(expected) x \(expected)"
    case .features(let expected, let actual):
      "the features have the shape \(actual), the model takes \(expected)"
    case .vocabulary(let expected, let actual):
      "the models have \(actual) and \(expected) tokens: they can't be compared"
    case .count(let what, let expected, let actual):
      "\(actual) \(what) for \(expected) images"
    case .unguided:
      "guidance needs a generator that was made for it; set guidance to 0 or make it guided"
    case .mask(let expected, let actual):
      "the mask has the side \(actual), the model's last token map \(expected)"
    case .batchOnDevice(let images, let limit):
      "\(images) images share one generator of a GPU; beyond \(limit) PyTorch splits its tensors, "
        + "which is not imitated"
    case .notFinite(let what):
      "the \(what) are not finite: the weights of the VQ-VAE are damaged; convert them again"
    }
  }
}
