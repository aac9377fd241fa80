/// Which pixels of a picture are generated anew, and which are kept.
///
/// 1 is generated, 0 is kept, in masks of pixels and of tokens alike; what a person paints white.
package struct PixelMask: Equatable, Sendable {
  /// Pixels a row.
  package let width: Int
  /// Rows.
  package let height: Int
  /// How much each pixel is generated, 0 to 1; [height, width].
  package private(set) var generated: [Float]

  /// Takes values [height, width].
  /// - Precondition: there are height · width of them, at least one.
  package init(width: Int, height: Int, generated: [Float]) {
    precondition(width > 0 && height > 0 && generated.count == width * height, "bad mask")
    self.width = width
    self.height = height
    self.generated = generated
  }

  /// Takes what is white in a picture: brightness by the weights of ITU-R 601.
  package init(white image: Image) {
    self.init(
      width: image.width, height: image.height,
      generated: (0..<image.width * image.height).map { index in
        let red = Float(image.pixels[3 * index])
        let green = Float(image.pixels[3 * index + 1])
        let blue = Float(image.pixels[3 * index + 2])
        return (0.299 * red + 0.587 * green + 0.114 * blue) / 255
      })
  }

  /// The mask with generated and kept exchanged.
  package var inverted: PixelMask {
    PixelMask(width: width, height: height, generated: generated.map { 1 - $0 })
  }

  /// Whether the pixel at an index is generated rather than kept.
  package func generates(_ index: Int) -> Bool { generated[index] > 0.5 }

  /// What both masks generate; the other must have this one's size.
  package func intersection(_ other: PixelMask) -> PixelMask {
    precondition(width == other.width && height == other.height, "masks of different sizes")
    var result = self
    for index in generated.indices where !other.generates(index) { result.generated[index] = 0 }
    return result
  }
}
