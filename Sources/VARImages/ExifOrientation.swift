import TensorBytes

/// How a camera was held: the transformation that turns a stored picture upright.
enum ExifOrientation: UInt16 {
  case upright = 1
  case mirrored
  case turnedHalf
  case flipped
  case transposed
  case turnedRight
  case transversed
  case turnedLeft

  private static let tag: UInt16 = 0x0112

  /// What Pillow finds: the tag 0x0112 in the first directory of an Exif block, else
  /// `tiff:Orientation` in an XMP packet; upright if there is none.
  ///
  /// A damaged block counts as none, as it does for every viewer.
  init(exif: [UInt8], xmp: [UInt8]) {
    // Some writers put the marker's name before the block a second time.
    let isNamed = exif.starts(with: Self.name)
    let block = isNamed ? Array(exif.dropFirst(Self.name.count)) : exif
    let value = (try? Self.read(block)).flatMap(\.self) ?? Self.find(xmp)
    self = value.flatMap { UInt16(exactly: $0) }.flatMap { Self(rawValue: $0) } ?? .upright
  }

  /// The same of a picture, where a PNG's texts hold what it has no chunks for.
  init(_ exif: [UInt8], _ xmp: [UInt8], _ texts: [ImageText]) {
    func last(_ keyword: String) -> String? { texts.last { $0.keyword == keyword }?.text }
    let profile = exif.isEmpty ? last("Raw profile type exif") : nil
    self.init(
      exif: profile.map(Self.bytes(ofProfile:)) ?? exif,
      xmp: last("XML:com.adobe.xmp").map { Array($0.utf8) } ?? xmp)
  }

  /// The bytes of a profile as ImageMagick writes it into a PNG: three lines about it, then
  /// hexadecimal digits.
  private static func bytes(ofProfile text: String) -> [UInt8] {
    let digits = text.utf8.split(
      separator: UInt8(ascii: "\n"), maxSplits: 3, omittingEmptySubsequences: false
    )
    .dropFirst(3).joined().filter { $0 > UInt8(ascii: " ") }
    return stride(from: 0, to: digits.count - 1, by: 2).compactMap {
      UInt8(String(decoding: digits[$0..<$0 + 2], as: UTF8.self), radix: 16)
    }
  }

  private static let name = Array("Exif\0\0".utf8)

  /// The tag's number in an Exif block; 0, which is no orientation, where the tag is something else.
  private static func read(_ bytes: [UInt8]) throws -> UInt32? {
    guard bytes.count >= 8 else { return nil }
    let isLittle = bytes[0] == 0x49 && bytes[1] == 0x49
    guard isLittle || (bytes[0] == 0x4d && bytes[1] == 0x4d) else { return nil }
    var reader = ByteReader(bytes)
    func number<T: FixedWidthInteger & BitwiseCopyable>(_: T.Type) throws -> T {
      let value: T = try reader.read()
      return isLittle ? value : value.byteSwapped
    }
    try reader.seek(to: 4)
    try reader.seek(to: Int(try number(UInt32.self)))
    for _ in 0..<(try number(UInt16.self)) {
      let tag = try number(UInt16.self)
      let type = TagType(rawValue: try number(UInt16.self))
      let count = try number(UInt32.self)
      var field = try number(UInt32.self)
      guard tag == Self.tag, let type, count > 0 else { continue }
      guard let bits = type.integerBits else { return 0 }
      // Of a list the first counts; a long one stands elsewhere.
      let size = Int(count) * Int(bits / 8)
      if size > 4 {
        try reader.seek(to: Int(field))
        guard size <= reader.remaining else { return nil }
        field = try number(UInt32.self)
      }
      // Small values stand at the beginning of the field.
      return isLittle ? field & (UInt32.max >> (32 - bits)) : field >> (32 - bits)
    }
    return nil
  }

  /// Types of values in a directory, as TIFF 6.0 and BigTIFF number them.
  private enum TagType: UInt16 {
    case byte = 1
    case text
    case short
    case long
    case rational
    case signedByte
    case undefined
    case signedShort
    case signedLong
    case signedRational
    case float
    case double
    case directory
    case long8 = 16

    /// Bits of what Pillow reads as an integer from the field itself; a byte is text to it. The sign
    /// does not matter: no orientation is negative.
    var integerBits: UInt32? {
      switch self {
      case .signedByte: 8
      case .short, .signedShort: 16
      case .long, .signedLong, .directory: 32
      case .byte, .text, .rational, .undefined, .signedRational, .float, .double, .long8: nil
      }
    }
  }

  /// The digit behind `tiff:Orientation="` or `tiff:Orientation>`, the first of them.
  private static func find(_ xmp: [UInt8]) -> UInt32? {
    let name = Array("tiff:Orientation".utf8)
    var rest = xmp[...]
    while let start = rest.firstIndex(of: name[0]) {
      rest = rest[start...]
      if rest.starts(with: name) {
        let value = rest.dropFirst(name.count)
        let isAttribute = value.starts(with: Array("=\"".utf8))
        let digit = value.dropFirst(isAttribute ? 2 : 1).first
        if isAttribute || value.first == UInt8(ascii: ">"), let digit,
          (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit)
        {
          return UInt32(digit - UInt8(ascii: "0"))
        }
      }
      rest = rest.dropFirst()
    }
    return nil
  }

  /// Whether rows become columns.
  private var swapsSides: Bool { rawValue >= 5 }

  /// Turns a picture upright.
  func apply(_ image: Image) -> Image {
    guard self != .upright else { return image }
    let pixels = apply(image.pixels, width: image.width, height: image.height, channels: 3)
    return Image(
      validWidth: swapsSides ? image.height : image.width,
      height: swapsSides ? image.width : image.height, pixels: pixels)
  }

  /// Turns samples [height, width, channels] upright.
  func apply(_ samples: [UInt8], width: Int, height: Int, channels: Int) -> [UInt8] {
    guard self != .upright else { return samples }
    var turned: [UInt8] = []
    turned.reserveCapacity(samples.count)
    for row in 0..<(swapsSides ? width : height) {
      for column in 0..<(swapsSides ? height : width) {
        let (x, y) = source(of: column, row, width, height)
        let start = (y * width + x) * channels
        turned.append(contentsOf: samples[start..<start + channels])
      }
    }
    return turned
  }

  /// Where the upright picture's pixel at (column, row) lies in the stored one.
  private func source(
    of column: Int, _ row: Int, _ width: Int, _ height: Int
  ) -> (x: Int, y: Int) {
    switch self {
    case .upright: (column, row)
    case .mirrored: (width - 1 - column, row)
    case .turnedHalf: (width - 1 - column, height - 1 - row)
    case .flipped: (column, height - 1 - row)
    case .transposed: (row, column)
    case .turnedRight: (row, height - 1 - column)
    case .transversed: (width - 1 - row, height - 1 - column)
    case .turnedLeft: (width - 1 - row, column)
    }
  }
}
