/// A picture of 8-bit RGB pixels.
public struct Image: Equatable, Sendable {
  /// Pixels a row.
  public let width: Int
  /// Rows.
  public let height: Int
  /// The samples, [height, width, 3].
  public private(set) var pixels: [UInt8]

  /// Wraps samples [height, width, 3].
  /// - Throws: ``ImageError/samples(width:height:actual:)`` if their number is another.
  public init(width: Int, height: Int, pixels: [UInt8]) throws(ImageError) {
    let (area, overflow) = width.multipliedReportingOverflow(by: height)
    guard width > 0, height > 0, !overflow, area <= Int.max / 3, pixels.count == 3 * area else {
      throw .samples(width: width, height: height, actual: pixels.count)
    }
    self.init(validWidth: width, height: height, pixels: pixels)
  }

  /// For callers within this file's folder, whose sizes agree by construction.
  init(validWidth width: Int, height: Int, pixels: [UInt8]) {
    self.width = width
    self.height = height
    self.pixels = pixels
  }

  /// Rounds values of [0, 1] to 8 bits, as round(255·x) with halves to even.
  /// - Parameter values: [height, width, 3]; what lies outside [0, 1] is clamped, NaN becomes 0.
  /// - Throws: ``ImageError/samples(width:height:actual:)``.
  package init(width: Int, height: Int, unit values: Span<Float>) throws(ImageError) {
    var pixels: [UInt8] = []
    pixels.reserveCapacity(values.count)
    for index in values.indices {
      let value = (values[index] * 255).rounded(.toNearestOrEven)
      pixels.append(value >= 255 ? 255 : value > 0 ? UInt8(value) : 0)
    }
    try self.init(width: width, height: height, pixels: pixels)
  }

  /// The samples as the VQ-VAE's encoder takes them, 2·(u8/255) − 1, [height, width, 3].
  package func modelInput() -> [Float] {
    pixels.map { sample in
      let unit = Float(sample) / 255
      return unit + unit - 1
    }
  }

  /// Copies `other` so that its top left corner comes to `x`, `y`; what sticks out is cut off.
  mutating func paste(_ other: Image, x: Int, y: Int) {
    let columns = max(0, -x)..<max(max(0, -x), min(other.width, width - x))
    for row in max(0, -y)..<max(max(0, -y), min(other.height, height - y)) {
      for column in columns {
        for channel in 0..<3 {
          pixels[3 * ((y + row) * width + x + column) + channel] =
            other.pixels[3 * (row * other.width + column) + channel]
        }
      }
    }
  }
}

/// Why a picture can't be read, made or written.
public enum ImageError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The bytes are neither PNG nor JPEG; `found` are the first of them.
  case unknownKind(name: String, found: [UInt8])
  /// The decoder's message about a PNG or JPEG.
  case damaged(name: String, kind: String, reason: String)
  /// The encoder's message.
  case encoding(kind: String, reason: String)
  /// Size and number of samples don't agree.
  case samples(width: Int, height: Int, actual: Int)
  /// The picture has another size than is demanded, and must not be changed.
  case size(expected: Int, width: Int, height: Int)
  /// The picture is so long and thin that resizing its shorter edge would need gigabytes.
  case elongated(width: Int, height: Int)

  /// The message for the user.
  public var description: String {
    switch self {
    case .unknownKind(let name, let found):
      if let kind = ForeignPicture.kind(found) {
        "\(name) is \(kind), which is not read; convert it to PNG first"
      } else {
        "\(name) is neither a PNG nor a JPEG file: it begins with "
          + (found.isEmpty ? "nothing (it is empty)" : Self.hex(found))
          + "; convert it to PNG first"
      }
    case .damaged(let name, let kind, let reason):
      "\(name): damaged or unsupported \(kind): \(reason)"
    case .encoding(let kind, let reason):
      "cannot encode the picture as \(kind): \(reason)"
    case .samples(let width, let height, let actual):
      "a picture of \(width) x \(height) pixels cannot have \(actual) samples"
    case .size(let expected, let width, let height):
      "the picture has \(width) x \(height) pixels, the model takes \(expected) x \(expected)"
    case .elongated(let width, let height):
      "a picture of \(width) x \(height) pixels is too elongated to be cropped"
    }
  }

  private static func hex(_ bytes: [UInt8]) -> String {
    bytes.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined(separator: " ")
  }
}
