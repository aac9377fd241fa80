/// What a JSON text of a file may cost the decoder that it is given to, checked before.
///
/// A decoder takes a fixed time and memory for each value, however short: ten million bytes of
/// brackets are gigabytes to it. Tokens and records are nearly all numbers of several digits.
package enum JSONCost {
  private static let sizeLimit = 1 << 30
  private static let depthLimit = 32
  /// Values that any text may have, and bytes for each further one.
  private static let values = (base: 1 << 19, bytesEach: 4)
  /// What an object costs in values.
  private static let object = 8

  /// Refuses a text that would take longer or more memory than any sound one of its size.
  package static func check(_ text: some RandomAccessCollection<UInt8>) throws(JSONCostError) {
    guard text.count <= sizeLimit else { throw .size(limit: sizeLimit) }
    var left = values.base + text.count / values.bytesEach
    var depth = 0
    var isText = false
    var isEscaped = false
    for byte in text {
      if isText {
        if isEscaped {
          isEscaped = false
        } else if byte == UInt8(ascii: "\\") {
          isEscaped = true
        } else if byte == UInt8(ascii: "\"") {
          isText = false
        }
        continue
      }
      switch byte {
      case UInt8(ascii: "\""): isText = true
      case UInt8(ascii: "{"):
        depth += 1
        left -= object
      case UInt8(ascii: "["):
        depth += 1
        left -= 1
      case UInt8(ascii: "]"), UInt8(ascii: "}"): depth -= 1
      // Numbers with a point or an exponent cost about twice as much.
      case UInt8(ascii: ","), UInt8(ascii: ":"), UInt8(ascii: "."), UInt8(ascii: "e"),
        UInt8(ascii: "E"):
        left -= 1
      // UTF-16 and UTF-32, which decoders take and where a quote may be half a letter.
      case 0: throw .encoding
      default: break
      }
      guard depth <= depthLimit else { throw .depth }
      guard left >= 0 else { throw .values }
    }
  }
}

/// A JSON text would cost more than any sound one.
package enum JSONCostError: Error, Equatable, Sendable, CustomStringConvertible {
  /// It is too long.
  case size(limit: Int)
  /// Lists or objects in too many others.
  case depth
  /// Too many values for its size.
  case values
  /// Zero bytes.
  case encoding

  /// The message for the user.
  package var description: String {
    switch self {
    case .size(let limit): "it is larger than \(limit >> 20) MiB"
    case .depth: "its JSON is nested too deeply"
    case .values: "its JSON has more values than any sound file of its size"
    case .encoding: "it is not UTF-8 text"
    }
  }
}
