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

  /// The share of a mask's pixels that are black or white, at least; its soft edges are grey.
  private static let blackAndWhite = 0.5

  /// Reads a mask.
  /// - Throws: ``MaskError`` for what can be no mask.
  package init(_ file: ImageFile) throws(MaskError) {
    let pixels = MaskPixels(image: file.image)
    if let opacity = file.opacity {
      let isOpaque = { (index: Int) in opacity[index] >= 128 }
      if pixels.areOneColour(isOpaque) {
        self.init(pixels, .paint) { opacity[$0] }
      } else if pixels.nearlyAll(isOpaque, { !pixels.isColoured($0) }),
        pixels.share(of: isOpaque, pixels.isBlackOrWhite) >= Self.blackAndWhite
      {
        self.init(image: file.image.darkened(by: opacity), reading: .white)
      } else {
        self.init(pixels, .erased) { 255 - opacity[$0] }
      }
      return
    }
    let largest = file.image.pixels.max() ?? 0
    if largest == 1 {
      self.init(pixels, .labels) { pixels.largest($0) == 1 ? 255 : 0 }
      return
    }
    if (2...16).contains(largest) { throw .labels(name: file.name, largest: Int(largest)) }
    if pixels.nearlyAll({ _ in true }, { !pixels.isColoured($0) }) {
      self.init(image: file.image, reading: .white)
      return
    }
    let isGround = { (index: Int) in !pixels.isColoured(index) }
    guard pixels.areOneColour(pixels.isColoured),
      pixels.areOneColour(isGround) || !(0..<pixels.count).contains(where: isGround)
    else { throw .photograph(name: file.name) }
    self.init(pixels, .paint) { pixels.isColoured($0) ? 255 : 0 }
  }

  /// A mask of a grey value for each pixel.
  private init(_ pixels: MaskPixels, _ reading: Reading, _ value: (Int) -> UInt8) {
    var values: [UInt8] = []
    values.reserveCapacity(3 * pixels.count)
    for index in 0..<pixels.count { values += repeatElement(value(index), count: 3) }
    self.init(
      image: Image(validWidth: pixels.image.width, height: pixels.image.height, pixels: values),
      reading: reading)
  }

  private init(image: Image, reading: Reading) {
    self.image = image
    self.reading = reading
  }
}

/// The pixels of a mask, by index. They are asked again and again, never listed: a small file may hold
/// millions.
private struct MaskPixels {
  let image: Image
  var count: Int { image.width * image.height }

  /// Samples that differ by no more are one colour: JPEG and soft brushes are not exact.
  private static let tolerance = 48
  /// The share of pixels that may be otherwise.
  private static let exceptions = 0.02

  func largest(_ index: Int) -> Int {
    Int(max(image.pixels[3 * index], image.pixels[3 * index + 1], image.pixels[3 * index + 2]))
  }

  private func smallest(_ index: Int) -> Int {
    Int(min(image.pixels[3 * index], image.pixels[3 * index + 1], image.pixels[3 * index + 2]))
  }

  func isColoured(_ index: Int) -> Bool { largest(index) - smallest(index) > Self.tolerance }

  func isBlackOrWhite(_ index: Int) -> Bool {
    largest(index) <= Self.tolerance || smallest(index) >= 255 - Self.tolerance
  }

  /// How many of some pixels are so; none of none.
  func share(of isMember: (Int) -> Bool, _ isSo: (Int) -> Bool) -> Double {
    var (members, found) = (0, 0)
    for index in 0..<count where isMember(index) {
      members += 1
      if isSo(index) { found += 1 }
    }
    return Double(found) / Double(max(1, members))
  }

  /// Whether nearly all of some pixels are so; false of none.
  func nearlyAll(_ isMember: (Int) -> Bool, _ isSo: (Int) -> Bool) -> Bool {
    share(of: isMember, isSo) >= 1 - Self.exceptions
  }

  /// Whether nearly all of some pixels are near their median; false of none.
  func areOneColour(_ isMember: (Int) -> Bool) -> Bool {
    var counts = [Int](repeating: 0, count: 3 * 256)
    var members = 0
    for index in 0..<count where isMember(index) {
      members += 1
      for channel in 0..<3 { counts[256 * channel + Int(image.pixels[3 * index + channel])] += 1 }
    }
    let medians = (0..<3).map { channel -> Int in
      var below = 0
      return (0..<256).first { value in
        below += counts[256 * channel + value]
        return 2 * below >= members
      } ?? 0
    }
    return nearlyAll(isMember) { index in
      (0..<3).allSatisfy {
        abs(Int(image.pixels[3 * index + $0]) - medians[$0]) <= Self.tolerance
      }
    }
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
