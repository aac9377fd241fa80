import TestSupport
import Testing

import VARImages

@Suite struct PaletteTests {
  /// The picture in the palette's colours.
  private func shown(_ image: Image) -> [UInt8] {
    let palette = Palette(image)
    return palette.indices.flatMap { palette.colours[3 * Int($0)..<3 * Int($0) + 3] }
  }

  @Test func fewColoursStay() throws {
    let pixels = (0..<1024).flatMap { pixel -> [UInt8] in
      let colour = pixel * 7 % 64
      return [UInt8(colour * 4 + 3), UInt8(255 - colour), UInt8(colour & 1 * 255)]
    }
    let image = try Image(width: 32, height: 32, pixels: pixels)
    #expect(shown(image) == pixels)
    #expect(Palette(image).colours.count == 3 * 64)
    let one = try Image(width: 2, height: 1, pixels: [255, 0, 7, 255, 0, 7])
    #expect(Palette(one).colours == [255, 0, 7])
  }

  /// The limits are Pillow's figures for the same pictures: `Image.quantize(256, dither=0)` is 4.7 and
  /// 4.4 off, with `kmeans=3` 3.7 and 4.2; giflib's own palettes are 3.3 of 255 darker than a picture.
  @Test func manyColoursStayNear() throws {
    let photo = try ImageFile(path: Repository.fixture("documentation/photo.png")).image
    var pixels: [UInt8] = []
    for row in 0..<256 {
      for column in 0..<256 { pixels += [UInt8(column), UInt8(row), UInt8((row + column) / 2)] }
    }
    let gradient = try Image(width: 256, height: 256, pixels: pixels)
    for (image, limit) in [(photo, 3.6), (gradient, 4.4)] {
      let differences = zip(shown(image), image.pixels).map { Double($0) - Double($1) }
      let count = Double(differences.count)
      let bias = differences.reduce(0, +) / count
      let square = differences.reduce(0) { $0 + $1 * $1 } / count
      #expect(abs(bias) < 0.4)
      #expect(square.squareRoot() < limit)
    }
  }
}
