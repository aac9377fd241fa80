extension Image {
  /// Pixels between the pictures of a grid or strip.
  public static let gap = 2

  /// Pictures of one size in rows, left to right, with white gaps between them.
  /// - Parameters:
  ///   - images: at least one; all of the first one's size, or what sticks out is cut off.
  ///   - columns: pictures a row; about as many as rows if nil.
  /// - Returns: nil without pictures.
  public static func grid(_ images: [Image], columns: Int? = nil) -> Image? {
    guard let first = images.first else { return nil }
    let columns = max(1, min(images.count, columns ?? squareSide(images.count)))
    let rows = (images.count + columns - 1) / columns
    let width = columns * (first.width + gap) - gap
    let height = rows * (first.height + gap) - gap
    var result = Image(
      validWidth: width, height: height,
      pixels: [UInt8](repeating: 255, count: 3 * width * height))
    for (index, image) in images.enumerated() {
      result.paste(
        image, x: index % columns * (first.width + gap), y: index / columns * (first.height + gap))
    }
    return result
  }

  /// Pictures side by side.
  public static func strip(_ images: [Image]) -> Image? { grid(images, columns: images.count) }

  /// The least n with n² ≥ count.
  private static func squareSide(_ count: Int) -> Int {
    var side = 1
    while side * side < count { side += 1 }
    return side
  }
}
