internal import Platform

extension Image {
  /// Resizes with the Lanczos filter (a = 3) to the bit as Pillow 13 does: in two passes, with
  /// coefficients of 22 fractional bits and 8-bit samples between them.
  ///
  /// A picture that loses more than twice as many rows as columns is filtered vertically first, all
  /// others horizontally; Pillow up to 12 filters every picture horizontally first.
  ///
  /// - Precondition: both sides are at least 1; smaller ones count as 1.
  package func resized(width newWidth: Int, height newHeight: Int) -> Image {
    let columns = newWidth == width ? nil : LanczosFilter(from: width, to: max(1, newWidth))
    let rows = newHeight == height ? nil : LanczosFilter(from: height, to: max(1, newHeight))
    let lostRows = height - newHeight
    let isVerticalFirst = lostRows > 0 && lostRows > 2 * (width - newWidth)
    var image = self
    if isVerticalFirst, let rows { image = image.filteredVertically(rows) }
    if let columns { image = image.filteredHorizontally(columns) }
    if !isVerticalFirst, let rows { image = image.filteredVertically(rows) }
    return image
  }

  private func filteredHorizontally(_ filter: LanczosFilter) -> Image {
    let output = filter.taps.count
    var result = [UInt8](repeating: 0, count: 3 * output * height)
    for row in 0..<height {
      for (column, taps) in filter.taps.enumerated() {
        let source = 3 * (row * width + taps.start)
        let target = 3 * (row * output + column)
        for channel in 0..<3 {
          result[target + channel] = taps.apply(pixels, from: source + channel, stride: 3)
        }
      }
    }
    return Image(validWidth: output, height: height, pixels: result)
  }

  private func filteredVertically(_ filter: LanczosFilter) -> Image {
    let stride = 3 * width
    var result: [UInt8] = []
    result.reserveCapacity(stride * filter.taps.count)
    for taps in filter.taps {
      for sample in 0..<stride {
        result.append(taps.apply(pixels, from: taps.start * stride + sample, stride: stride))
      }
    }
    return Image(validWidth: width, height: filter.taps.count, pixels: result)
  }
}

/// The weights of one resized row or column, for every output sample.
private struct LanczosFilter {
  struct Taps {
    /// Index of the first input sample.
    let start: Int
    /// Weights in fixed point.
    let weights: [Int32]

    func apply(_ samples: [UInt8], from first: Int, stride: Int) -> UInt8 {
      var sum = LanczosFilter.half
      var index = first
      for weight in weights {
        sum &+= Int32(samples[index]) &* weight
        index += stride
      }
      return UInt8(clamping: sum >> LanczosFilter.bits)
    }
  }

  static let bits: Int32 = 22
  static let half: Int32 = 1 << 21
  private static let lobes = 3.0

  let taps: [Taps]

  init(from input: Int, to output: Int) {
    let scale = Double(input) / Double(output)
    let stretch = max(scale, 1)
    let support = Self.lobes * stretch
    taps = (0..<output).map { index in
      let center = (Double(index) + 0.5) * scale
      let start = max(0, Int(center - support + 0.5))
      let end = min(input, Int(center + support + 0.5))
      let inverse = 1 / stretch
      let weights = (start..<end).map { Self.lanczos((Double($0) - center + 0.5) * inverse) }
      let sum = weights.reduce(0, +)
      return Taps(start: start, weights: weights.map { Self.fixed(sum == 0 ? $0 : $0 / sum) })
    }
  }

  private static func fixed(_ weight: Double) -> Int32 {
    Int32(weight * Double(1 << bits) + (weight < 0 ? -0.5 : 0.5))
  }

  private static func lanczos(_ x: Double) -> Double {
    x >= -lobes && x < lobes ? sinc(x) * sinc(x / lobes) : 0
  }

  private static func sinc(_ x: Double) -> Double {
    guard x != 0 else { return 1 }
    return sin(x * .pi) / (x * .pi)
  }
}
