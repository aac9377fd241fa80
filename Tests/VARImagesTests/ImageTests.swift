import Foundation
import TestSupport
import Testing
import VARImages

@Suite struct ImageTests {
  private let noise: Image
  private let tall: Image

  init() throws {
    noise = try ImageFile(path: Repository.fixture("decoding/noise.png")).image
    tall = try ImageFile(path: Repository.fixture("decoding/tall.png")).image
  }

  @Test(arguments: [(20, 37), (53, 90), (31, 17), (100, 80), (1, 1)])
  func resizesAsPillow(width: Int, height: Int) throws {
    let expected = try #require(ExpectedImage.all["noise.png@\(width)x\(height)"])
    #expect(noise.resized(width: width, height: height) == (try expected.image()))
  }

  /// Some lose more than twice as many rows as columns, some just not.
  @Test(arguments: [
    (36, 85), (20, 55), (20, 54), (41, 96), (60, 96), (60, 97), (7, 20), (90, 200),
  ])
  func resizesTallPicturesAsPillow(width: Int, height: Int) throws {
    let expected = try #require(ExpectedImage.all["tall.png@\(width)x\(height)"])
    #expect(tall.resized(width: width, height: height) == (try expected.image()))
  }

  @Test(arguments: [16, 20, 64])
  func cropsAsTheEvaluation(side: Int) throws {
    let expected = try #require(ExpectedImage.all["noise.png@crop\(side)"])
    #expect(try noise.fitted(to: side, .crop) == (try expected.image()))
    let tallest = try #require(ExpectedImage.all["tall.png@crop\(side)"])
    #expect(try tall.fitted(to: side, .crop) == (try tallest.image()))
  }

  @Test func theExactSizePassesUntouched() throws {
    let square = noise.cropped(x: 3, y: 2, width: 32, height: 32)
    for fit in ImageFit.allCases { #expect(try square.fitted(to: 32, fit) == square) }
    #expect(throws: ImageError.size(expected: 32, width: 53, height: 37)) {
      try noise.fitted(to: 32, .exact)
    }
  }

  @Test func paddingKeepsTheWholePicture() throws {
    let padded = try noise.fitted(to: 106, .pad)
    #expect((padded.width, padded.height) == (106, 106))
    #expect(
      padded.cropped(x: 0, y: 16, width: 106, height: 74) == noise.resized(width: 106, height: 74))
    #expect(padded.cropped(x: 0, y: 0, width: 106, height: 16).pixels.allSatisfy { $0 == 0 })
  }

  @Test func threadsAreRefused() throws {
    let thread = try Image(
      width: 60_000, height: 1, pixels: [UInt8](repeating: 9, count: 180_000))
    #expect(throws: ImageError.elongated(width: 60_000, height: 1)) {
      try thread.fitted(to: 256, .crop)
    }
    #expect(try thread.fitted(to: 256, .pad).width == 256)
  }

  @Test func roundsHalvesToEvenAndClamps() throws {
    let values: [Float] = [0.5 / 255, 1.5 / 255, 1, 2, -1, .nan]
    let image = try Image(width: 2, height: 1, unit: values.span)
    #expect(image.pixels == [0, 2, 255, 255, 0, 0])
    #expect(image.modelInput() == [-1, 2 * (2 / 255 as Float) - 1, 1, 1, -1, -1])
  }

  @Test func gridsHaveGapsOfWhite() throws {
    let one = try Image(width: 2, height: 1, pixels: [1, 2, 3, 4, 5, 6])
    let grid = try #require(Image.grid([one, one, one], columns: 2))
    #expect((grid.width, grid.height) == (6, 4))
    let pixels: [UInt8] = one.pixels
    let white = [UInt8](repeating: 255, count: 6)
    #expect(Array(grid.pixels.prefix(18)) == [pixels, white, pixels].flatMap { $0 })
    #expect(Array(grid.pixels.suffix(18)) == [pixels, white, white].flatMap { $0 })
    let strip = try #require(Image.strip([one, one]))
    #expect((strip.width, strip.height) == (6, 1))
    #expect(Image.grid([]) == nil)
  }

  @Test(arguments: [(1, 1), (2, 2), (3, 3), (7, 3), (10, 5), (13, 4), (16, 4), (60, 10), (997, 32)])
  func gridsHaveFullRowsWhereThatIsNearlySquare(count: Int, columns: Int) throws {
    let dot = try Image(width: 1, height: 1, pixels: [1, 2, 3])
    let grid = try #require(Image.grid(Array(repeating: dot, count: count)))
    #expect(grid.width == 3 * columns - 2)
    #expect(grid.height == 3 * ((count + columns - 1) / columns) - 2)
  }

  @Test func enlargingRepeatsPixels() throws {
    let one = try Image(width: 2, height: 1, pixels: [1, 2, 3, 4, 5, 6])
    let row: [UInt8] = [1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6]
    #expect(try one.enlarged(by: 2) == Image(width: 4, height: 2, pixels: row + row))
    #expect(one.enlarged(by: 1) == one)
  }

  @Test func animationsHoldEveryFrame() throws {
    let long = String(repeating: "x", count: 1000)
    let dark = try Image(width: 4, height: 3, pixels: [UInt8](repeating: 10, count: 36))
    let light = try Image(width: 4, height: 3, pixels: [UInt8](repeating: 240, count: 36))
    let animation = try Animation([dark, light, dark])
    let png = try animation.png([ImageText(keyword: "Software", text: "test")])
    let still = try ImageFile(png, name: "animation")
    #expect(still.image == dark)
    #expect(still.texts == [ImageText(keyword: "Software", text: "test")])
    #expect(count("fcTL", in: png) == 3)
    #expect(count("fdAT", in: png) == 2)
    let texts = [
      ImageText(keyword: "Software", text: "test: of 1"), ImageText(keyword: "b", text: long),
    ]
    let gif = try animation.gif(texts)
    #expect(gif.starts(with: Array("GIF89a".utf8)))
    #expect(count("NETSCAPE2.0", in: gif) == 1)
    #expect(gif.last == 0x3b)
    let folder = try TemporaryFolder()
    #expect(try ImageText.list(of: folder.write(gif, to: "a.gif")) == texts)
    for count in stride(from: 0, to: gif.count, by: 7) {
      let cut = try folder.write(Array(gif.prefix(count)), to: "cut")
      #expect(
        try ImageText.list(of: cut).allSatisfy { text in
          texts.contains { $0.keyword == text.keyword && $0.text.hasPrefix(text.text) }
        })
    }
    #expect(count("Software", in: try animation.gif()) == 0)
    #expect(throws: ImageError.encoding(kind: "animation", reason: "there are no frames")) {
      try Animation([])
    }
    #expect(throws: ImageError.size(expected: 4, width: 53, height: 37)) {
      try Animation([dark, noise])
    }
  }

  private func count(_ name: String, in bytes: [UInt8]) -> Int {
    bytes.indices.count { bytes[$0...].starts(with: name.utf8) }
  }

  @Test func differencesAreBrightened() throws {
    let one = try Image(width: 2, height: 1, pixels: [10, 20, 30, 0, 0, 255])
    let other = try Image(width: 2, height: 1, pixels: [12, 20, 25, 0, 0, 255])
    let (image, factor) = try #require(one.difference(to: other))
    #expect(factor == 32, "5 × 32 is below 256, 5 × 64 isn't")
    #expect(image.pixels == [64, 0, 160, 0, 0, 0])
    #expect(one.difference(to: one)?.factor == 1)
    #expect(one.difference(to: one)?.image.pixels == [0, 0, 0, 0, 0, 0])
    let far = try Image(width: 2, height: 1, pixels: [255, 0, 0, 0, 0, 0])
    #expect(far.difference(to: one)?.factor == 1)
    let narrow = try Image(width: 1, height: 2, pixels: far.pixels)
    #expect(one.difference(to: narrow) == nil)
  }
}
