public import TensorBytes

/// Why a safetensors file could not be written as asked.
public enum SafetensorsWriterError: Error, Equatable, Sendable, CustomStringConvertible {
  /// Two tensors have one name, or a tensor has the name of the metadata.
  case badName(String)
  /// A shape is no shape.
  case badShape(tensor: String, ArithmeticError)
  /// The header is longer than readers accept.
  case headerTooLong(Int)
  /// More or fewer bytes came than the tensors have.
  case byteCount(expected: Int, actual: Int)

  /// The message for the user.
  public var description: String {
    switch self {
    case .badName(let name): "safetensors: a second tensor cannot be named \(name)"
    case .badShape(let tensor, let error): "safetensors: tensor \(tensor): \(error)"
    case .headerTooLong(let length): "safetensors: a header of \(length) bytes is too long"
    case .byteCount(let expected, let actual):
      "safetensors: \(actual) bytes of tensors instead of \(expected)"
    }
  }
}

/// Writes a safetensors file tensor by tensor; it appears when it is committed.
///
/// Deterministic: the order is that of the reference library, wider types first, then by name, so
/// that every tensor is aligned to its elements.
public final class SafetensorsWriter {
  /// A tensor to be written.
  public struct Tensor: Equatable, Sendable {
    /// Its name.
    public let name: String
    /// Type of its elements.
    public let type: ElementType
    /// Its dimensions.
    public let shape: [Int]

    /// Describes a tensor.
    public init(name: String, type: ElementType, shape: [Int]) {
      self.name = name
      self.type = type
      self.shape = shape
    }
  }

  /// The tensors in the order in which their bytes must come.
  public let tensors: [Tensor]
  private let file: AtomicFileWriter
  private let size: Int

  /// Begins a file and writes its header.
  /// - Throws: ``SafetensorsWriterError``, `FileError`.
  public init(
    _ path: String, tensors: [Tensor], metadata: [String: String] = [:], replacing: Bool = false
  ) throws {
    self.tensors = tensors.sorted { a, b in
      (-a.type.byteWidth, a.name) < (-b.type.byteWidth, b.name)
    }
    let header = try Self.header(self.tensors, metadata)
    file = try AtomicFileWriter(path, replacing: replacing)
    try file.append(header.bytes)
    size = header.bytes.count + header.dataSize
  }

  /// Adds bytes of the tensors, in order; a tensor may come in pieces.
  /// - Throws: ``SafetensorsWriterError/byteCount(expected:actual:)``, `FileError`.
  public func append(_ bytes: UnsafeRawBufferPointer) throws {
    guard bytes.count <= size - file.count else {
      throw SafetensorsWriterError.byteCount(expected: size, actual: file.count + bytes.count)
    }
    try unsafe file.append(bytes)
  }

  /// Finishes the file, which must be complete.
  /// - Throws: ``SafetensorsWriterError/byteCount(expected:actual:)``, `FileError`.
  public func commit() throws {
    guard file.count == size else {
      throw SafetensorsWriterError.byteCount(expected: size, actual: file.count)
    }
    try file.commit()
  }

  /// The length and the JSON, padded with spaces so that the data begins aligned.
  private static func header(
    _ tensors: [Tensor], _ metadata: [String: String]
  ) throws(SafetensorsWriterError) -> (bytes: [UInt8], dataSize: Int) {
    var members: [String] = []
    if !metadata.isEmpty {
      let pairs = metadata.sorted { $0.key < $1.key }
        .map { "\(StrictJSON.quote($0.key)):\(StrictJSON.quote($0.value))" }
      members.append("\"__metadata__\":{\(pairs.joined(separator: ","))}")
    }
    var names: Set<String> = ["__metadata__"]
    var offset = 0
    for tensor in tensors {
      guard names.insert(tensor.name).inserted else { throw .badName(tensor.name) }
      let start = offset
      do throws(ArithmeticError) {
        offset = try Checked.add(start, Checked.byteCount(of: tensor.shape, tensor.type))
      } catch { throw .badShape(tensor: tensor.name, error) }
      let shape = tensor.shape.map(String.init).joined(separator: ",")
      members.append(
        "\(StrictJSON.quote(tensor.name)):{\"dtype\":\"\(tensor.type.rawValue)\","
          + "\"shape\":[\(shape)],\"data_offsets\":[\(start),\(offset)]}")
    }
    var text = Array("{\(members.joined(separator: ","))}".utf8)
    text += Array(repeating: UInt8(ascii: " "), count: (8 - text.count % 8) % 8)
    guard text.count <= SafetensorsHeader.lengthLimit else { throw .headerTooLong(text.count) }
    let length = (0..<8).map { UInt8(truncatingIfNeeded: text.count >> (8 * $0)) }
    return (length + text, offset)
  }
}
