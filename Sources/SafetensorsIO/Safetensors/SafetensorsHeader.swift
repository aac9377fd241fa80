internal import TensorBytes

/// The header of a safetensors file: every tensor's type, shape and place, validated.
struct SafetensorsHeader {
  /// The longest header that readers accept.
  static let lengthLimit = 100_000_000

  /// What a tensor takes beside its name: here, in the checkpoint and in its listing.
  private static let entryBytes = 700
  /// How often a name is kept.
  private static let nameCopies = 3

  struct Tensor: Equatable {
    let name: String
    let layout: TensorLayout
    /// The type, if it is none that is read: the layout is then one of bytes.
    var foreign: ForeignType?
    /// Where the bytes are in the file.
    let range: Range<Int>
  }

  /// The tensors in the order of their bytes.
  private(set) var tensors: [Tensor] = []
  /// `__metadata__`.
  private(set) var metadata: [(key: String, value: String)] = []

  init(_ file: MappedFile, _ budget: inout FileBudget) throws(SafetensorsError) {
    guard file.count >= 8, var reader = try? ByteReader(file, in: 0..<file.count) else {
      throw .tooShort(size: file.count)
    }
    let limit = min(Self.lengthLimit, file.count - 8)
    let length = (try? reader.read(UInt64.self)) ?? .max
    guard length <= limit else { throw .headerLength(length, limit: limit) }
    try Self.keep(Int(length), &budget)
    guard let text = try? reader.readBytes(Int(length)) else {
      throw .headerLength(length, limit: limit)
    }
    guard text.first == UInt8(ascii: "{") else { throw .malformed("it does not begin with '{'") }
    let dataStart = reader.offset
    try StrictJSON.forEachMember(of: text, budget, failure: SafetensorsError.json) {
      name, value throws(SafetensorsError) in
      if name == "__metadata__" {
        metadata = try Self.metadata(value)
        let texts = metadata.reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count }
        try Self.keep(
          Self.entryBytes * metadata.count + Self.nameCopies * texts, &budget)
      } else {
        try Self.keep(Self.entryBytes + Self.nameCopies * name.utf8.count, &budget)
        tensors.append(try Self.tensor(name, value, dataStart, file.count))
      }
    }
    try validateCover(dataStart..<file.count)
  }

  private static func keep(_ bytes: Int, _ budget: inout FileBudget) throws(SafetensorsError) {
    do throws(BudgetError) {
      try budget.keep(bytes, "header")
    } catch { throw .budget(error) }
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
    guard case .array(let dimensions) = member("shape"), dimensions.count <= 64,
      case let shape = dimensions.compactMap(\.integer), shape.count == dimensions.count
    else { throw .malformed("the shape of \(name) is no list of integers") }
    guard case .array(let pair) = member("data_offsets"), pair.count == 2,
      let begin = pair[0].integer, let end = pair[1].integer
    else { throw .malformed("the data_offsets of \(name) are not two integers") }
    let type = ElementType(rawValue: typeName)
    let bits = (type?.byteWidth).map { 8 * $0 } ?? foreignBits[typeName]
    guard let bits else { throw .unsupportedType(tensor: name, type: typeName) }
    let layout: TensorLayout
    do throws(ArithmeticError) {
      layout =
        if let type { try TensorLayout(contiguous: type, shape) } else {
          try bytes(of: shape, typeName, bits: bits)
        }
    } catch { throw .badShape(tensor: name, error) }
    let foreign = type == nil ? ForeignType(name: typeName, shape: shape) : nil
    guard begin >= 0, begin <= end, end - begin == layout.byteCount else {
      throw .badOffsets(tensor: name, begin: begin, end: end, expected: layout.byteCount)
    }
    guard end <= fileSize - dataStart else {
      throw .outsideFile(tensor: name, end: end, available: fileSize - dataStart)
    }
    return Tensor(
      name: name, layout: layout, foreign: foreign, range: dataStart + begin..<dataStart + end)
  }

  /// The layout of a type that is not read: bytes in a row.
  private static func bytes(
    of shape: [Int], _ type: String, bits: Int
  ) throws(ArithmeticError) -> TensorLayout {
    let count = try Checked.multiply(Checked.product(of: shape), bits)
    guard count.isMultiple(of: 8) else { throw ArithmeticError("shape \(shape) of \(type)") }
    return try TensorLayout(contiguous: .u8, [count / 8])
  }

  /// Bits an element of the types that are listed and hashed, but not read.
  private static let foreignBits = [
    "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "F4": 4,
    "F6_E2M3": 6, "F6_E3M2": 6, "C64": 64, "C128": 128,
  ]

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
