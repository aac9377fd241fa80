package import TensorBytes
package import VARModel

/// Why a checkpoint is not a VAR model, or not one that can be converted.
package enum ArchitectureError: Error, Equatable, Sendable, CustomStringConvertible {
  /// A tensor whose shape does not fit.
  package struct Misshapen: Equatable, Sendable {
    /// The tensor's name, as the official code has it.
    package let tensor: String
    /// The shape that the rest of the model asks for.
    package let expected: [Int]
    /// The shape in the file.
    package let actual: [Int]

    /// Makes a description of a tensor.
    package init(tensor: String, expected: [Int], actual: [Int]) {
      self.tensor = tensor
      self.expected = expected
      self.actual = actual
    }
  }

  /// Neither a transformer nor a VQ-VAE is in the file.
  /// - Parameter classes: of values that only Python can build, in which it may be.
  case notRecognized(path: String, classes: [String])
  /// There are several models: the paths where one begins.
  case ambiguous(path: String, roots: [String])
  /// No model is where it should be; where there are some.
  case noSuchRoot(path: String, root: String, roots: [String])
  /// The file holds the other half only.
  case wrongHalf(path: String, expected: ModelHalf)
  /// Several files hold the same half.
  case halfTwice(ModelHalf, paths: [String])
  /// Two entries have the same name once `module.` and `_orig_mod.` are stripped.
  case duplicateName(path: String, name: String)
  /// Tensors are missing, unknown or of the wrong shape.
  case mismatch(path: String, missing: [String], surplus: [String], misshapen: [Misshapen])
  /// A tensor that must be known to infer the rest has another number of dimensions.
  case wrongRank(path: String, tensor: String, expected: Int, actual: [Int])
  /// A weight is not of a floating-point type.
  case notFloatingPoint(path: String, tensor: String, type: ElementType)
  /// A weight is of a type that is not read.
  case unreadType(path: String, tensor: String, type: String)
  /// `lvl_1L` is not 0, 1, 2, … with square numbers of entries.
  case badLevels(path: String)
  /// The side lengths of the token maps are in no tensor and are not the official ones.
  case unknownPatchNumbers(path: String, tokens: Int?, scales: Int?)
  /// The given side lengths are not those of the tensors.
  case patchNumbers(path: String, given: [Int], inferred: [Int])
  /// The side lengths do not give the number of tokens, or of scales, that a tensor has.
  case patchNumberCount(path: String, tensor: String, expected: Int, patchNumbers: [Int])
  /// The given number of heads is not that of the tensors.
  case heads(path: String, given: Int, inferred: Int)
  /// The model has a bias on the keys, which no VAR has: another kind of attention.
  case keyBias(path: String, tensor: String)
  /// The attention mask is not the block-causal one: another kind of attention.
  case attentionMask(path: String, row: Int, column: Int, value: Float)
  /// The numbers make no model, or the halves no pair.
  case configuration(ConfigurationError)

  /// The message for the user.
  package var description: String {
    switch self {
    case .notRecognized(let path, let classes):
      "\(path) holds neither a VAR transformer (word_embed.weight) nor its VQ-VAE "
        + "(quantize.embedding.weight)"
        + (classes.isEmpty
          ? ""
          : "; it holds objects that only Python can build (\(list(classes))): save "
            + "model.state_dict() instead")
    case .ambiguous(let path, let roots):
      "\(path) holds several models, such as raw weights and their moving average (EMA), below "
        + list(roots)
    case .noSuchRoot(let path, let root, let roots):
      "\(path) has no model below \(root.printable()), but below \(list(roots))"
    case .wrongHalf(let path, let expected):
      switch expected {
      case .transformer: "\(path) holds a VQ-VAE, not a transformer"
      case .tokenizer: "\(path) holds a transformer, not a VQ-VAE"
      }
    case .halfTwice(let half, let paths):
      "each of \(list(paths)) holds a \(half == .transformer ? "transformer" : "VQ-VAE")"
    case .duplicateName(let path, let name): "\(path) has two entries for \(name.printable())"
    case .mismatch(let path, let missing, let surplus, let misshapen):
      "\(path) is not a model that this program knows" + Self.text(missing, surplus, misshapen)
    case .wrongRank(let path, let tensor, let expected, let actual):
      "\(path): \(tensor) has shape \(actual) instead of \(expected) dimensions"
    case .notFloatingPoint(let path, let tensor, let type):
      "\(path): \(tensor) is of type \(type.rawValue), but weights are floating-point numbers"
    case .unreadType(let path, let tensor, let type):
      "\(path): \(tensor) is of type \(type), which is not read; convert it with PyTorch first "
        + "(tensor.float())"
    case .badLevels(let path):
      "\(path): lvl_1L does not number the scales of square token maps"
    case .unknownPatchNumbers(let path, let tokens, let scales):
      "\(path): the side lengths of the token maps are not in the file"
        + (tokens.map { ", and none of the official lists has \($0) tokens" } ?? "")
        + (scales.map { ", and the official lists have not \($0) scales" } ?? "")
    case .patchNumbers(let path, let given, let inferred):
      "\(path) has patch_nums \(inferred), not \(given)"
    case .patchNumberCount(let path, let tensor, let expected, let patchNumbers):
      "\(path): patch_nums \(patchNumbers) do not give the \(expected) entries of \(tensor)"
    case .heads(let path, let given, let inferred):
      "\(path) has \(inferred) heads (scale_mul_1H11), not \(given)"
    case .keyBias(let path, let tensor):
      "\(path): \(tensor) is not zero; this is not VAR's attention"
    case .attentionMask(let path, let row, let column, let value):
      "\(path): attn_bias_for_masking has \(value) at row \(row), column \(column); this is not "
        + "VAR's attention, in which a token sees its own scale and all coarser ones"
    case .configuration(let error): "\(error)"
    }
  }

  private static func text(
    _ missing: [String], _ surplus: [String], _ misshapen: [Misshapen]
  ) -> String {
    let wrong = misshapen.map { "\($0.tensor) is \($0.actual), not \($0.expected)" }
    let parts: [(title: String, items: [String])] = [
      ("missing", missing), ("unknown", surplus), ("of another shape", wrong),
    ]
    return parts.filter { !$0.items.isEmpty }.map { "\n  \($0.title): \(list($0.items))" }.joined()
  }
}

/// The first few of many names.
private func list(_ items: [String], limit: Int = 6) -> String {
  let shown = items.prefix(limit).map { $0.printable() }.joined(separator: ", ")
  return items.count > limit ? shown + " and \(items.count - limit) more" : shown
}
