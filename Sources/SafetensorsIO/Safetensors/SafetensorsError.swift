package import TensorBytes

/// Why a safetensors file, or the index of several, was refused.
package enum SafetensorsError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The file is too short for a header.
  case tooShort(size: Int)
  /// The header is longer than the file, or than 100 MB.
  case headerLength(UInt64, limit: Int)
  /// The header is no JSON.
  case json(JSONError)
  /// The header is JSON of another shape.
  case malformed(String)
  /// The index of shards is no JSON, or of another shape.
  case index(String)
  /// The header would cost more memory than a file of its size may.
  case budget(BudgetError)
  /// An element type that this program does not know.
  case unsupportedType(tensor: String, type: String)
  /// The shape is no shape.
  case badShape(tensor: String, ArithmeticError)
  /// The offsets do not span the bytes that type and shape need.
  case badOffsets(tensor: String, begin: Int, end: Int, expected: Int)
  /// A tensor ends behind the end of the file; offsets count from the end of the header.
  case outsideFile(tensor: String, end: Int, available: Int)
  /// There is a hole before a tensor, or it shares bytes with another.
  case notContiguous(tensor: String, expected: Int, actual: Int)
  /// The tensors do not end where the file does.
  case notCovered(expected: Int, actual: Int)
  /// A shard's path leads out of the index's folder.
  case shardPath(String)
  /// The index names a tensor that its shard lacks.
  case missingInShard(tensor: String, shard: String)
  /// A shard holds a tensor that the index does not assign to it.
  case notInIndex(tensor: String, shard: String)

  /// The message for the user.
  package var description: String {
    switch self {
    case .tooShort(let size): "\(size) bytes are too few for a safetensors header"
    case .headerLength(let length, let limit):
      "the safetensors header should have \(length) bytes, but at most \(limit) are possible: "
        + "the file is incomplete or damaged"
    case .json(let error): "the safetensors header: \(error)"
    case .index(let message): "the index of shards: \(message.printable(limit: 400))"
    case .budget(let error): "\(error)"
    case .malformed(let message): "the safetensors header: \(message.printable(limit: 400))"
    case .unsupportedType(let tensor, let type):
      "tensor \(tensor.printable()) has type \(type.printable()), which is not supported"
    case .badShape(let tensor, let error): "tensor \(tensor.printable()): \(error)"
    case .badOffsets(let tensor, let begin, let end, let expected):
      "tensor \(tensor.printable()) spans bytes \(begin) to \(end), but its type and shape need \(expected)"
    case .outsideFile(let tensor, let end, let available):
      "tensor \(tensor.printable()) ends at byte \(end) of the data, but the file has only \(available): "
        + "it is incomplete"
    case .notContiguous(let tensor, let expected, let actual):
      "tensor \(tensor.printable()) begins at \(actual) instead of \(expected)"
    case .notCovered(let expected, let actual):
      "the tensors end at byte \(actual) of the data, which has \(expected): "
        + "the file is incomplete or damaged"
    case .shardPath(let path): "the shard \"\(path.printable())\" is not a file beside the index"
    case .missingInShard(let tensor, let shard):
      "the shard \(shard.printable()) lacks the tensor \(tensor.printable())"
    case .notInIndex(let tensor, let shard):
      "the tensor \(tensor.printable()) of the shard \(shard.printable()) is not in the index"
    }
  }
}
