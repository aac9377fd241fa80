import TestSupport
import Testing
import VARImages

/// Masks as people make them: a square in the middle of 16×16 is to be generated.
@Suite struct MaskPictureTests {
  private static let side = 16
  private static func isInside(_ index: Int) -> Bool {
    (4..<12).contains(index / side) && (4..<12).contains(index % side)
  }

  /// Each pixel's red, green, blue and alpha.
  private func read(_ pixel: (Int) -> [UInt8]) throws -> MaskPicture {
    let pixels = (0..<Self.side * Self.side).map(pixel)
    let colours = try Image(
      width: Self.side, height: Self.side, pixels: pixels.flatMap { $0[0..<3] })
    return try MaskPicture(
      ImageFile(
        name: "m.png", image: colours,
        opacity: pixels.allSatisfy { $0[3] == 255 } ? nil : pixels.map { $0[3] }))
  }

  private func expectSquare(_ mask: MaskPicture, _ reading: MaskPicture.Reading) {
    #expect(mask.reading == reading)
    let painted = PixelMask(white: mask.image)
    for index in 0..<Self.side * Self.side {
      #expect(painted.generates(index) == Self.isInside(index), "pixel \(index)")
    }
  }

  /// A photograph, of a kind.
  private func photo(_ index: Int) -> [UInt8] {
    [UInt8(index * 37 % 256), UInt8(index * 91 % 256), UInt8(index * 13 % 256), 255]
  }

  @Test func whiteOnBlack() throws {
    expectSquare(
      try read { Self.isInside($0) ? [250, 255, 252, 255] : [3, 0, 5, 255] }, .white)
  }

  @Test func whiteOnBlackWithAlpha() throws {
    // A mask with a soft border of transparency.
    expectSquare(
      try read { Self.isInside($0) ? [255, 255, 255, 255] : [0, 0, 0, $0 < 16 ? 0 : 255] }, .white)
  }

  @Test(arguments: [[255, 0, 0], [0, 0, 0], [255, 255, 255], [30, 200, 90]] as [[UInt8]])
  func paintOnTransparent(colour: [UInt8]) throws {
    expectSquare(
      try read { Self.isInside($0) ? colour + [255] : [colour[1], 9, 77, 0] }, .paint)
  }

  @Test(arguments: [[0, 0, 0], [255, 255, 255]] as [[UInt8]])
  func redOnPlainGround(ground: [UInt8]) throws {
    expectSquare(try read { Self.isInside($0) ? [230, 20, 25, 255] : ground + [255] }, .paint)
  }

  @Test func erasedFromAPhoto() throws {
    expectSquare(
      try read { Self.isInside($0) ? photo($0)[0..<3] + [0] : photo($0) }, .erased)
  }

  /// One in black and white has no colour that would tell it from a mask.
  @Test func erasedFromAGreyPhoto() throws {
    expectSquare(
      try read { index in
        let grey = UInt8(60 + index * 37 % 140)
        return [grey, grey, grey, Self.isInside(index) ? 0 : 255]
      }, .erased)
  }

  @Test func labels() throws {
    expectSquare(try read { Self.isInside($0) ? [1, 1, 1, 255] : [0, 0, 0, 255] }, .labels)
    #expect(throws: MaskError.labels(name: "m.png", largest: 3)) {
      _ = try read { index in [UInt8](repeating: UInt8(index % 4), count: 3) + [255] }
    }
  }

  @Test func aPhotographIsNone() throws {
    #expect(throws: MaskError.photograph(name: "m.png")) { _ = try read(photo) }
  }

  /// All black, all white and all erased are masks, if odd ones.
  @Test func emptyAndFullOnesAreRead() throws {
    #expect(try read { _ in [0, 0, 0, 255] }.reading == .white)
    #expect(try read { _ in [255, 255, 255, 255] }.reading == .white)
    let erased = try read { _ in [4, 90, 200, 0] }
    #expect(erased.reading == .erased)
    #expect(PixelMask(white: erased.image).generates(0))
  }
}
