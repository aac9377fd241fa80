/// A mask as people make them, read so that white is what is generated.
package struct MaskPicture: Sendable {
  /// How a picture was read.
  package enum Reading: Equatable, Sendable {
    /// White is generated, black is kept; transparent is kept.
    case white
    /// What is painted in one colour is generated, on a transparent or plain ground.
    case paint
    /// What was erased from a picture, and is transparent, is generated.
    case erased
    /// The label 1 is generated, 0 is kept.
    case labels
  }

  /// The mask, grey.
  package let image: Image
  /// How it was read.
  package let reading: Reading

  /// Samples that differ by no more are one colour: JPEG and soft brushes are not exact.
  private static let tolerance = 48
  /// The share of pixels that may be otherwise.
  private static let exceptions = 0.02

  /// Reads a mask.
  /// - Throws: ``MaskError`` for what can be no mask.
  package init(_ file: ImageFile) throws(MaskError) {
    let image = file.image
    let count = image.width * image.height
    func mask(_ reading: Reading, _ value: (Int) -> UInt8) -> MaskPicture {
      var pixels: [UInt8] = []
      pixels.reserveCapacity(3 * count)
      for index in 0..<count { pixels += repeatElement(value(index), count: 3) }
      return MaskPicture(
        image: Image(validWidth: image.width, height: image.height, pixels: pixels),
        reading: reading)
    }
    if let opacity = file.opacity {
      let opaque = (0..<count).filter { opacity[$0] >= 128 }
      if !opaque.isEmpty, Self.isOneColour(opaque, image) {
        self = mask(.paint) { opacity[$0] }
      } else if !opaque.isEmpty, Self.isGrey(opaque, image) {
        self = MaskPicture(image: image.darkened(by: opacity), reading: .white)
      } else {
        self = mask(.erased) { 255 - opacity[$0] }
      }
      return
    }
    let largest = image.pixels.max() ?? 0
    if largest == 1 {
      self = mask(.labels) { image.pixels[3 * $0] > 0 ? 255 : 0 }
      return
    }
    if (2...16).contains(largest) { throw .labels(name: file.name, largest: Int(largest)) }
    let all = Array(0..<count)
    if Self.isGrey(all, image) {
      self = MaskPicture(image: image, reading: .white)
      return
    }
    let painted = all.filter { Self.saturation($0, image) > Self.tolerance }
    let ground = all.filter { Self.saturation($0, image) <= Self.tolerance }
    guard Self.isOneColour(painted, image), ground.isEmpty || Self.isOneColour(ground, image) else {
      throw .photograph(name: file.name)
    }
    self = mask(.paint) { Self.saturation($0, image) > Self.tolerance ? 255 : 0 }
  }

  private init(image: Image, reading: Reading) {
    self.image = image
    self.reading = reading
  }

  private static func saturation(_ index: Int, _ image: Image) -> Int {
    let (red, green, blue) = (
      Int(image.pixels[3 * index]), Int(image.pixels[3 * index + 1]),
      Int(image.pixels[3 * index + 2])
    )
    return max(red, green, blue) - min(red, green, blue)
  }

  private static func isGrey(_ indices: [Int], _ image: Image) -> Bool {
    let coloured = indices.count { saturation($0, image) > tolerance }
    return Double(coloured) <= exceptions * Double(indices.count)
  }

  /// Whether nearly all of some pixels are near their median.
  private static func isOneColour(_ indices: [Int], _ image: Image) -> Bool {
    guard !indices.isEmpty else { return false }
    let medians = (0..<3).map { channel -> Int in
      var counts = [Int](repeating: 0, count: 256)
      for index in indices { counts[Int(image.pixels[3 * index + channel])] += 1 }
      var below = 0
      return counts.firstIndex { count in
        below += count
        return 2 * below >= indices.count
      } ?? 0
    }
    let others = indices.count { index in
      (0..<3).contains { abs(Int(image.pixels[3 * index + $0]) - medians[$0]) > tolerance }
    }
    return Double(others) <= exceptions * Double(indices.count)
  }
}

/// Why a picture is no mask.
package enum MaskError: Error, Equatable, Sendable, CustomStringConvertible {
  /// It has many colours, and nothing of it is transparent.
  case photograph(name: String)
  /// It holds labels of several classes.
  case labels(name: String, largest: Int)

  /// The message for the user.
  package var description: String {
    switch self {
    case .photograph(let name):
      "\(name) is no mask: it has many colours and nothing transparent; paint what is to be generated white "
        + "and the rest black, or paint it in one colour, or erase it from the photo (PNG with alpha)"
    case .labels(let name, let largest):
      "\(name) holds the labels 0 to \(largest); a mask has 0 and 1, or black and white: make one of "
        + "what is to be generated"
    }
  }
}
