extension Image {
  /// Pixels between the pictures of a grid or strip.
  package static let gap = 2

  /// Pictures of one size in rows, left to right, with white gaps between them.
  /// - Parameters:
  ///   - images: at least one; all of the first one's size, or what sticks out is cut off.
  ///   - columns: pictures a row; if nil, about as many as rows, without holes where that can be.
  /// - Returns: nil without pictures.
  package static func grid(_ images: [Image], columns: Int? = nil) -> Image? {
    guard let first = images.first else { return nil }
    let columns = gridColumns(images.count, columns)
    let (width, height) = gridSize(
      images.count, columns: columns, width: first.width, height: first.height)
    var result = Image(
      validWidth: width, height: height,
      pixels: [UInt8](repeating: 255, count: 3 * width * height))
    for (index, image) in images.enumerated() {
      result.paste(
        image, x: index % columns * (first.width + gap), y: index / columns * (first.height + gap))
    }
    return result
  }

  /// The size of a grid of so many pictures.
  package static func gridSize(
    _ count: Int, columns: Int? = nil, width: Int, height: Int
  ) -> (width: Int, height: Int) {
    let columns = gridColumns(count, columns)
    let rows = (count + columns - 1) / columns
    return (columns * (width + gap) - gap, rows * (height + gap) - gap)
  }

  private static func gridColumns(_ count: Int, _ asked: Int?) -> Int {
    max(1, min(count, asked ?? evenColumns(count)))
  }

  /// Pictures side by side.
  package static func strip(_ images: [Image]) -> Image? { grid(images, columns: images.count) }

  /// The picture with each pixel as a square of `factor`² pixels.
  package func enlarged(by factor: Int) -> Image {
    guard factor > 1 else { return self }
    var result: [UInt8] = []
    result.reserveCapacity(pixels.count * factor * factor)
    for y in 0..<height {
      var row: [UInt8] = []
      for x in 0..<width {
        let start = 3 * (y * width + x)
        for _ in 0..<factor { row += pixels[start..<start + 3] }
      }
      for _ in 0..<factor { result += row }
    }
    return Image(validWidth: width * factor, height: height * factor, pixels: result)
  }

  /// The divisor of `count` next above its root, so that all rows are full: 10 of 60. Where it is
  /// more than twice the root, as for primes, the root itself.
  private static func evenColumns(_ count: Int) -> Int {
    var root = 1
    while root * root < count { root += 1 }
    return (root...2 * root).first { count.isMultiple(of: $0) } ?? root
  }
}
