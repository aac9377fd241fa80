package import TensorBytes

/// What is wrong with a `.varq` file; see `formats/varq-v1.md`.
package enum VarqDefect: Error, Equatable, Sendable, CustomStringConvertible {
  /// The file does not begin with the magic.
  case notVarq
  /// The file has a major version that this program does not know.
  case unsupportedVersion(major: Int, minor: Int)
  /// The file is not as long as its header says.
  case fileSize(declared: UInt64, actual: Int)
  /// A number in the header is beyond the format's limits, or the file is too short for it.
  case headerField(name: String, value: UInt64, limit: UInt64)
  /// Header, metadata or tensor table were changed after they were written.
  case headerChecksum(expected: String, actual: String)
  /// The header or an entry of metadata or table is cut off, or is not text.
  case entry(ByteReaderError)
  /// The entries do not fill their section.
  case unusedBytes(section: String, offset: Int, count: Int)
  /// A metadata key is empty or holds other characters than `a`–`z`, `0`–`9`, `_` and `.`.
  case metadataKey(offset: Int)
  /// Metadata keys do not ascend.
  case metadataOrder(key: String, after: String)
  /// A metadata value does not have the form of its type.
  case metadataValue(key: String, expected: String)
  /// A tensor's name is empty or longer than 512 bytes.
  case tensorName(offset: Int, length: Int)
  /// Two tensors have the same name.
  case duplicateTensor(name: String)
  /// A tensor has a format that this program does not know.
  case unknownFormat(tensor: String, id: Int)
  /// A tensor has more than 8 dimensions.
  case rank(tensor: String, rank: UInt32)
  /// A dimension is 0, or there are too many elements, or the format does not allow the shape.
  case shape(tensor: String, shape: [UInt64], format: TensorFormat)
  /// A tensor does not lie where the order of the table puts it.
  case offset(tensor: String, expected: UInt64, actual: UInt64)
  /// A tensor's size is not that of its format and shape.
  case byteCount(tensor: String, expected: UInt64, actual: UInt64)
  /// The file goes on after its last tensor, or ends before.
  case dataEnd(expected: Int, actual: Int)

  /// The message for the user.
  package var description: String {
    switch self {
    case .notVarq:
      "not a .varq file (its first bytes differ)"
    case .unsupportedVersion(let major, let minor):
      "version \(major).\(minor) of the .varq format; this program reads 1.x: "
        + "use a newer program or convert the checkpoint again"
    case .fileSize(let declared, let actual):
      "the file has \(actual) bytes, but its header says \(declared): it was cut off or added to; "
        + "copy it again"
    case .headerField(let name, let value, let limit):
      "\(name) in the header is \(value), at most \(limit) is possible"
    case .headerChecksum(let expected, let actual):
      "the header's SHA-256 is \(actual), not \(expected): the file is damaged; copy it again"
    case .entry(let error):
      "\(error)"
    case .unusedBytes(let section, let offset, let count):
      "\(count) bytes of the \(section) at offset \(offset) belong to no entry"
    default:
      entryDescription
    }
  }

  private var entryDescription: String {
    switch self {
    case .metadataKey(let offset):
      "the metadata key at offset \(offset) is empty or has characters that are not allowed"
    case .metadataOrder(let key, let previous):
      "the metadata key \(key.printable()) does not belong after \(previous.printable())"
    case .metadataValue(let key, let expected):
      "the metadata value of \(key.printable()) is not \(expected)"
    case .tensorName(let offset, let length):
      "the tensor name at offset \(offset) has \(length) bytes, but must have 1 to 512"
    case .duplicateTensor(let name):
      "there are two tensors \(name.printable())"
    case .unknownFormat(let tensor, let id):
      "tensor \(tensor.printable()) has the unknown format \(id); a newer program may know it"
    case .rank(let tensor, let rank):
      "tensor \(tensor.printable()) has \(rank) dimensions, but at most 8 are possible"
    case .shape(let tensor, let shape, let format):
      "tensor \(tensor.printable()) has the shape \(shape), which \(format.name) does not allow"
    case .offset(let tensor, let expected, let actual):
      "tensor \(tensor.printable()) begins at \(actual), but its place is \(expected)"
    case .byteCount(let tensor, let expected, let actual):
      "tensor \(tensor.printable()) has \(actual) bytes, but its shape and format demand \(expected)"
    case .dataEnd(let expected, let actual):
      "the last tensor ends at \(expected), the file at \(actual)"
    default:
      ""
    }
  }
}

/// A `.varq` file is malformed, or newer than this program.
package struct VarqError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The file.
  package let path: String
  /// What is wrong with it.
  package let defect: VarqDefect

  /// Names the file of a defect.
  package init(path: String, defect: VarqDefect) {
    self.path = path
    self.defect = defect
  }

  /// The message for the user.
  package var description: String { "\(path): \(defect)" }
}
