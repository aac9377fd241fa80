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

  /// The differences of the samples as a picture that is black where both are equal, brightened by a power of two
  /// as far as the largest one allows.
  ///
  /// Nil for pictures of different sizes.
  package func difference(to other: Image) -> (image: Image, factor: Int)? {
    guard width == other.width, height == other.height else { return nil }
    let differences = zip(pixels, other.pixels).map { $0 > $1 ? $0 - $1 : $1 - $0 }
    let largest = Int(differences.max() ?? 0)
    var factor = 1
    while largest > 0 && 2 * factor * largest <= 255 { factor *= 2 }
    let image = Image(
      validWidth: width, height: height,
      pixels: differences.map { UInt8(clamping: Int($0) * factor) })
    return (image, factor)
  }
}
