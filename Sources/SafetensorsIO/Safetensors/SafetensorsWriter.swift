package import TensorBytes

/// A tensor that is to be written to a safetensors file.
package struct SafetensorsEntry: Equatable, Sendable {
  /// Its name.
  package let name: String
  /// Type of the elements.
  package let type: ElementType
  /// Dimensions; empty for a scalar.
  package let shape: [Int]

  /// Describes a tensor.
  package init(name: String, type: ElementType, shape: [Int]) {
    self.name = name
    self.type = type
    self.shape = shape
  }
}

/// Why a safetensors file cannot be written as planned.
package enum SafetensorsWriterError: Error, Equatable, Sendable, CustomStringConvertible {
  /// Two tensors have the same name, or one has the reserved name `__metadata__`.
  case name(String)
  /// A shape has no size.
  case shape(String, ArithmeticError)
  /// A tensor's bytes do not have the size of its shape: more came, or fewer before the end.
  case byteCount(tensor: String, expected: Int, written: Int)

  /// The message for the user.
  package var description: String {
    switch self {
    case .name(let name): "a tensor cannot be named \(name) (again)"
    case .shape(let name, let error): "tensor \(name): \(error)"
    case .byteCount(let tensor, let expected, let written):
      "tensor \(tensor) has \(expected) bytes, but \(written) were written"
    }
  }
}

/// Writes a safetensors file from front to back; it appears under its name when it is complete.
///
/// The tensors lie in the order given. Give wide element types first, so that all are aligned.
package final class SafetensorsWriter {
  private let output: AtomicFileWriter
  private let entries: [(entry: SafetensorsEntry, byteCount: Int)]
  private var index = 0
  private var written = 0

  /// Begins a file with its header.
  /// - Parameter metadata: strings for `__metadata__`; PyTorch's libraries want `format` to be `pt`.
  /// - Throws: ``SafetensorsWriterError``, `FileError`.
  package init(
    _ file: OutputFile, metadata: [String: String] = ["format": "pt"], entries: [SafetensorsEntry]
  ) throws {
    var names: Set = [ByteKey("__metadata__")]
    var planned: [(entry: SafetensorsEntry, byteCount: Int)] = []
    for entry in entries {
      guard names.insert(ByteKey(entry.name)).inserted else {
        throw SafetensorsWriterError.name(entry.name)
      }
      do throws(ArithmeticError) {
        planned.append((entry, try Checked.byteCount(of: entry.shape, entry.type)))
      } catch { throw SafetensorsWriterError.shape(entry.name, error) }
    }
    self.entries = planned
    output = try AtomicFileWriter(file)
    let header = Self.header(metadata, planned)
    try output.append((0..<8).map { UInt8(truncatingIfNeeded: header.count >> (8 * $0)) } + header)
    skipEmpty()
  }

  /// Adds bytes of the current tensor; when it has all of them, the next one becomes current.
  /// - Throws: ``SafetensorsWriterError/byteCount(tensor:expected:written:)`` beyond its end.
  package func append(_ bytes: UnsafeRawBufferPointer) throws {
    if bytes.count == 0 { return }
    guard index < entries.count else {
      throw SafetensorsWriterError.byteCount(
        tensor: "after the last", expected: 0, written: bytes.count)
    }
    let (entry, byteCount) = entries[index]
    guard bytes.count <= byteCount - written else {
      throw SafetensorsWriterError.byteCount(
        tensor: entry.name, expected: byteCount, written: written + bytes.count)
    }
    try unsafe output.append(bytes)
    written += bytes.count
    if written == byteCount {
      index += 1
      written = 0
      skipEmpty()
    }
  }

  /// Gives the file its name.
  /// - Throws: ``SafetensorsWriterError/byteCount(tensor:expected:written:)`` for missing bytes.
  package func finish() throws {
    if index < entries.count {
      let (entry, byteCount) = entries[index]
      throw SafetensorsWriterError.byteCount(
        tensor: entry.name, expected: byteCount, written: written)
    }
    try output.commit()
  }

  private func skipEmpty() {
    while index < entries.count && entries[index].byteCount == 0 { index += 1 }
  }

  /// The JSON of the header, padded with spaces so that the data begin at a multiple of 8.
  private static func header(
    _ metadata: [String: String], _ entries: [(entry: SafetensorsEntry, byteCount: Int)]
  ) -> [UInt8] {
    var members: [String] = []
    if !metadata.isEmpty {
      let pairs = metadata.sorted { $0.key < $1.key }.map {
        "\(quoted($0.key)):\(quoted($0.value))"
      }
      members.append("\"__metadata__\":{\(pairs.joined(separator: ","))}")
    }
    var start = 0
    for (entry, byteCount) in entries {
      let shape = entry.shape.map(String.init).joined(separator: ",")
      members.append(
        "\(quoted(entry.name)):{\"dtype\":\"\(entry.type.rawValue)\",\"shape\":[\(shape)],"
          + "\"data_offsets\":[\(start),\(start + byteCount)]}")
      start += byteCount
    }
    let json = Array("{\(members.joined(separator: ","))}".utf8)
    return json + [UInt8](repeating: 0x20, count: (8 - json.count % 8) % 8)
  }

  /// A string of JSON.
  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\u{0}"..."\u{1F}":
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
