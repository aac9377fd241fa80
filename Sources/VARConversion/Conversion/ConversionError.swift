internal import TensorBytes
package import VARQuant

/// Why checkpoints cannot be converted.
package enum ConversionError: Error, Equatable, Sendable, CustomStringConvertible {
  /// A weight is NaN or infinite.
  case notFinite(path: String, tensor: String)
  /// Weights are not as trained ones are, and that was to be an error.
  case oddWeights([String])
  /// A value does not fit the planned format.
  case encoding(tensor: String, EncodingError)
  /// The names given for the classes are not as many as the classes.
  case classNames(path: String, count: Int, classes: Int)
  /// Names of classes were given for a model without classes.
  case noClasses
  /// A `.varq` file was given together with other files.
  case notAlone(path: String)
  /// What a checkpoint's tensors do not tell was given for a `.varq` file.
  case settled(path: String)
  /// A `.varq` file's weights are too coarse to be rounded again.
  case tooCoarse(path: String, tensor: String, format: TensorFormat)
  /// The content of a `.varq` file is damaged.
  case damaged(path: String, ContentDefect)
  /// A file of names is not UTF-8.
  case notText(path: String)

  /// The message for the user.
  package var description: String {
    switch self {
    case .notFinite(let path, let tensor):
      "\(path): tensor \(tensor.printable()) holds a NaN or an infinity; the checkpoint is damaged, or its "
        + "training diverged"
    case .oddWeights(let warnings):
      "the weights are not as trained ones are:" + warnings.map { "\n  " + $0 }.joined()
    case .encoding(let tensor, let error):
      "tensor \(tensor.printable()): \(error)"
    case .classNames(let path, let count, let classes):
      "\(path) has \(count) names (one a line), but the model has \(classes) classes"
    case .noClasses:
      "names of classes were given, but no transformer, which has the classes"
    case .notAlone(let path):
      "\(path) is a .varq file, which is converted by itself: name it alone, without --var or --vae"
    case .settled(let path):
      "\(path) is a .varq file: its metadata say what its tensors don't, and it can't be changed"
    case .tooCoarse(let path, let tensor, let format):
      "\(path) holds \(tensor) in \(format.name): rounding it again would add error to error; "
        + "convert the checkpoints that it came from, or a .varq file of f32, f16, bf16 or q8"
    case .damaged(let path, let defect): "\(path): \(defect)"
    case .notText(let path):
      "\(path) is not UTF-8 text"
    }
  }
}
