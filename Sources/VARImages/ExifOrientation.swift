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

  /// Looks for the tag 0x0112 in the first directory of an Exif block; upright if there is none.
  ///
  /// A damaged block counts as none, as it does for every viewer.
  init(exif bytes: [UInt8]) {
    self = (try? Self.read(bytes)).flatMap { $0 } ?? .upright
  }

  private static func read(_ bytes: [UInt8]) throws -> ExifOrientation? {
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
      let type = try number(UInt16.self)
      try reader.skip(4)
      let value = try number(UInt16.self)
      try reader.skip(2)
      if tag == Self.tag, type == 3 { return ExifOrientation(rawValue: value) }
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
