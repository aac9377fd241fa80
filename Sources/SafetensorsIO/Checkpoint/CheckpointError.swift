package import TensorBytes

/// Why a checkpoint could not be opened or read.
package enum CheckpointError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The file could not be opened or mapped.
  case file(FileError)
  /// The content is of a kind that this program does not read: which one, and what to do.
  case unsupportedKind(path: String, what: String)
  /// The content is of no kind that this program knows.
  case unknownKind(path: String)
  /// The zip archive is damaged or no PyTorch checkpoint.
  case zip(path: String, ZipError)
  /// The pickle within the file was refused.
  case pickle(path: String, PickleError)
  /// The legacy container around its pickle is damaged.
  case legacy(path: String, LegacyError)
  /// The safetensors file or index is damaged.
  case safetensors(path: String, SafetensorsError)
  /// The nested containers make no list of named tensors.
  case flattening(path: String, FlatteningError)
  /// The file would cost more than any sound one of its size.
  case budget(path: String, BudgetError)
  /// A tensor's bytes are not there, or not those that were written.
  case storage(path: String, tensor: String, StorageError)

  /// The message for the user.
  package var description: String {
    switch self {
    case .file(let error): "\(error)"
    case .unsupportedKind(let path, let what): "\(path) is \(what)"
    case .unknownKind(let path):
      "\(path) is neither a PyTorch checkpoint nor a safetensors file"
    case .zip(let path, let error): "\(path): \(error)"
    case .pickle(let path, let error): "\(path): \(error)"
    case .legacy(let path, let error): "\(path): \(error)"
    case .safetensors(let path, let error): "\(path): \(error)"
    case .flattening(let path, let error): "\(path): \(error)"
    case .budget(let path, let error): "\(path): \(error)"
    case .storage(let path, let tensor, let error):
      "\(path): tensor \(tensor.printable()): \(error)"
    }
  }
}

/// Why the bytes of a tensor could not be read.
package enum StorageError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The bytes do not have the CRC-32 that the archive gives: the file was damaged.
  case checksum(expected: UInt32, actual: UInt32)
  /// Compressed data is damaged.
  case inflate(String)
  /// There is not enough memory for a tensor that cannot be read in place.
  case outOfMemory(bytes: Int)
  /// Floating-point numbers were asked of another type.
  case notFloatingPoint(ElementType)
  /// Integers were asked of another type.
  case notInteger(ElementType)
  /// The type is none that this program reads.
  case foreignType(String)
  /// More memory or work than a file of its size may cost.
  case budget(BudgetError)
  /// Elements beyond the tensor's were asked for.
  case outOfBounds(elements: Range<Int>, count: Int)

  /// The message for the user.
  package var description: String {
    switch self {
    case .checksum(let expected, let actual):
      "its bytes are damaged: CRC-32 \(String(expected, radix: 16)) expected, "
        + "\(String(actual, radix: 16)) found; download or copy the file again"
    case .inflate(let message): "its compressed bytes are damaged: \(message)"
    case .outOfMemory(let bytes): "there is no memory for \(bytes) bytes"
    case .notFloatingPoint(let type): "\(type.rawValue) is no floating-point type"
    case .notInteger(let type): "\(type.rawValue) is no integer type"
    case .foreignType(let name): "type \(name) is not read"
    case .budget(let error): "\(error)"
    case .outOfBounds(let elements, let count): "elements \(elements) of \(count)"
    }
  }
}

/// Why nested containers make no list of named tensors.
package enum FlatteningError: Error, Equatable, Sendable, CustomStringConvertible {
  /// A dict has the same key twice.
  case duplicateName(String)
  /// Containers nest too deeply, or contain themselves.
  case tooDeep(path: String, limit: Int)
  /// More memory or work than a file of its size may cost.
  case budget(BudgetError)

  /// The message for the user.
  package var description: String {
    switch self {
    case .duplicateName(let name): "a dict has two entries for the key of \(name.printable())"
    case .tooDeep(let path, let limit):
      "containers nest deeper than \(limit), or contain themselves, at \(path.printable())"
    case .budget(let error): "\(error)"
    }
  }
}
