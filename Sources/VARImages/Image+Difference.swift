internal import Platform

extension Image {
  /// Peak signal-to-noise ratio to a picture of the same size, in dB: 10·log₁₀(255²/MSE).
  ///
  /// Infinite for equal pictures, nil for pictures of different sizes.
  package func psnr(to other: Image) -> Double? {
    guard width == other.width, height == other.height else { return nil }
    var sum = 0
    for (a, b) in zip(pixels, other.pixels) {
      let difference = Int(a) - Int(b)
      sum += difference * difference
    }
    return 10 * log10(255 * 255 * Double(pixels.count) / Double(sum))
  }
}
