/// Why a reference can't be compared with a model.
package enum ParityError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The file is not a reference dump: what it lacks.
  case notReference(path: String, lacks: String)
  /// A tensor of the reference has another number of elements than the model computes.
  case shape(path: String, tensor: String, expected: Int, actual: Int)
  /// Reference and model differ in a number.
  case mismatch(path: String, what: String, expected: String, actual: String)

  /// The message for the user.
  package var description: String {
    switch self {
    case .notReference(let path, let lacks):
      "\(path) is not a reference dump, it lacks \(lacks); make one with tools/dump_reference.py"
    case .shape(let path, let tensor, let expected, let actual):
      "\(path): \(tensor) has \(actual) elements, the model computes \(expected); "
        + "is it a dump of the same checkpoint?"
    case .mismatch(let path, let what, let expected, let actual):
      "\(path): its \(what) is \(actual), the model's \(expected); "
        + "is it a dump of the same checkpoint?"
    }
  }
}
