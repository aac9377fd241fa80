internal import TensorBytes

/// The header of a safetensors file: every tensor's type, shape and place, validated.
struct SafetensorsHeader {
  /// The longest header that readers accept.
  static let lengthLimit = 100_000_000

  struct Tensor: Equatable {
    let name: String
    let layout: TensorLayout
    /// Where the bytes are in the file.
    let range: Range<Int>
  }

  /// The tensors in the order of their bytes.
  private(set) var tensors: [Tensor] = []
  /// `__metadata__`.
  private(set) var metadata: [(key: String, value: String)] = []

  init(_ file: MappedFile) throws(SafetensorsError) {
    guard file.count >= 8, var reader = try? ByteReader(file, in: 0..<file.count) else {
      throw .tooShort(size: file.count)
    }
    let limit = min(Self.lengthLimit, file.count - 8)
    let length = (try? reader.read(UInt64.self)) ?? .max
    guard length <= limit, let text = try? reader.readBytes(Int(length)) else {
      throw .headerLength(length, limit: limit)
    }
    guard text.first == UInt8(ascii: "{") else { throw .malformed("it does not begin with '{'") }
    guard case .object(let members) = try Self.parse(text) else { throw .malformed("no object") }
    let dataStart = reader.offset
    for (name, value) in members {
      if name == "__metadata__" {
        metadata = try Self.metadata(value)
      } else {
        tensors.append(try Self.tensor(name, value, dataStart, file.count))
      }
    }
    try validateCover(dataStart..<file.count)
  }

  static func parse(_ text: [UInt8]) throws(SafetensorsError) -> JSONValue {
    do throws(JSONError) {
      return try StrictJSON.parse(text)
    } catch { throw .json(error) }
  }

  private static func metadata(
    _ value: JSONValue
  ) throws(SafetensorsError) -> [(key: String, value: String)] {
    // As safetensors reads it, no strings at all.
    if case .null = value { return [] }
    guard case .object(let members) = value else { throw .malformed("__metadata__ is no object") }
    var metadata: [(key: String, value: String)] = []
    for (key, value) in members {
      guard case .string(let text) = value else {
        throw .malformed("the value of \"\(key)\" in __metadata__ is no string")
      }
      metadata.append((key, text))
    }
    return metadata
  }

  private static func tensor(
    _ name: String, _ value: JSONValue, _ dataStart: Int, _ fileSize: Int
  ) throws(SafetensorsError) -> Tensor {
    guard case .object(let members) = value else { throw .malformed("\(name) is no object") }
    func member(_ key: String) -> JSONValue? { members.first { $0.key == key }?.value }
    guard case .string(let typeName) = member("dtype") else {
      throw .malformed("\(name) has no dtype")
    }
    guard let type = ElementType(rawValue: typeName) else {
      throw .unsupportedType(tensor: name, type: typeName)
    }
    guard case .array(let dimensions) = member("shape"), dimensions.count <= 64,
      case let shape = dimensions.compactMap(\.integer), shape.count == dimensions.count
    else { throw .malformed("the shape of \(name) is no list of integers") }
    guard case .array(let pair) = member("data_offsets"), pair.count == 2,
      let begin = pair[0].integer, let end = pair[1].integer
    else { throw .malformed("the data_offsets of \(name) are not two integers") }
    let layout: TensorLayout
    do throws(ArithmeticError) {
      layout = try TensorLayout(contiguous: type, shape)
    } catch { throw .badShape(tensor: name, error) }
    guard begin >= 0, begin <= end, end - begin == layout.byteCount else {
      throw .badOffsets(tensor: name, begin: begin, end: end, expected: layout.byteCount)
    }
    guard end <= fileSize - dataStart else {
      throw .outsideFile(tensor: name, end: end, available: fileSize - dataStart)
    }
    return Tensor(name: name, layout: layout, range: dataStart + begin..<dataStart + end)
  }

  /// No holes, no overlap, nothing behind the last tensor.
  private mutating func validateCover(_ data: Range<Int>) throws(SafetensorsError) {
    tensors.sort { a, b in
      (a.range.lowerBound, a.range.upperBound, a.name)
        < (b.range.lowerBound, b.range.upperBound, b.name)
    }
    var expected = data.lowerBound
    for tensor in tensors {
      guard tensor.range.lowerBound == expected else {
        throw .notContiguous(
          tensor: tensor.name, expected: expected - data.lowerBound,
          actual: tensor.range.lowerBound - data.lowerBound)
      }
      expected = tensor.range.upperBound
    }
    guard expected == data.upperBound else {
      throw .notCovered(expected: data.count, actual: expected - data.lowerBound)
    }
  }
}
