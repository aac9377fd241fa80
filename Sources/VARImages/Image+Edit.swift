extension Image {
  /// Each pixel times its opacity [height, width]; as it is if their number is another.
  package func darkened(by opacity: [UInt8]) -> Image {
    guard opacity.count == width * height else { return self }
    let result = pixels.indices.map { sample in
      UInt8((Int(pixels[sample]) * Int(opacity[sample / 3]) + 127) / 255)
    }
    return Image(validWidth: width, height: height, pixels: result)
  }

  /// The picture with a part of it dyed, to show what would be generated.
  /// - Parameter mask: what is generated; of the picture's size.
  package func showing(_ mask: PixelMask) -> Image {
    var result = pixels
    for index in 0..<width * height where mask.generates(index) {
      for (channel, dye) in [255, 0, 160].enumerated() {
        result[3 * index + channel] = UInt8((Int(result[3 * index + channel]) + dye) / 2)
      }
    }
    return Image(validWidth: width, height: height, pixels: result)
  }

  /// Puts the original's pixels back wherever nothing was to be generated.
  ///
  /// Outside the mask they are exactly the original's; inside, the edge fades.
  /// - Parameters:
  ///   - original: a picture of the same size.
  ///   - mask: what was generated; of the same size.
  ///   - fade: pixels over which the edge fades, at least 1.
  package func composited(over original: Image, where mask: PixelMask, fade: Int) -> Image {
    guard original.width == width, original.height == height else { return self }
    let generated = (0..<width * height).map { mask.generates($0) }
    let depth = Self.depth(of: generated, width: width, height: height)
    var result = original.pixels
    for index in generated.indices where generated[index] {
      let share = min(1, Float(depth[index]) / Float(fade + 1))
      for sample in 3 * index..<3 * index + 3 {
        let mixed = share * Float(pixels[sample]) + (1 - share) * Float(original.pixels[sample])
        result[sample] = UInt8(mixed.rounded())
      }
    }
    return Image(validWidth: width, height: height, pixels: result)
  }

  /// Steps (straight or diagonal) from each marked pixel to the nearest unmarked one; the picture's
  /// border is no edge.
  private static func depth(of marked: [Bool], width: Int, height: Int) -> [Int] {
    let far = width + height
    var depth = marked.map { $0 ? far : 0 }
    func relax(_ index: Int, _ x: Int, _ y: Int) {
      guard (0..<width).contains(x), (0..<height).contains(y) else { return }
      depth[index] = min(depth[index], depth[y * width + x] + 1)
    }
    for index in depth.indices {
      let (y, x) = index.quotientAndRemainder(dividingBy: width)
      for (dx, dy) in [(-1, 0), (-1, -1), (0, -1), (1, -1)] { relax(index, x + dx, y + dy) }
    }
    for index in depth.indices.reversed() {
      let (y, x) = index.quotientAndRemainder(dividingBy: width)
      for (dx, dy) in [(1, 0), (1, 1), (0, 1), (-1, 1)] { relax(index, x + dx, y + dy) }
    }
    return depth
  }
}
