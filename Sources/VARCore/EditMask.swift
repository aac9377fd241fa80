/// A rectangle in fractions of the picture's side.
package struct EditBox: Equatable, Sendable {
  /// Upper edge.
  package var top: Double
  /// Left edge.
  package var left: Double
  /// Lower edge, exclusive.
  package var bottom: Double
  /// Right edge, exclusive.
  package var right: Double

  /// Makes a box from y0, x0, y1, x1 in [0, 1]; values outside are limited to that range.
  package init(_ top: Double, _ left: Double, _ bottom: Double, _ right: Double) {
    self.top = top
    self.left = left
    self.bottom = bottom
    self.right = right
  }
}

/// Which positions of a picture keep its own tokens, and which are generated.
package struct EditMask: Equatable, Sendable {
  /// Side of the last token map, p_{K-1}.
  package let side: Int
  /// 1 where the picture's token is kept, 0 where one is generated; [side, side].
  package let keep: [Float]

  /// Marks a box, which covers rows round(y0·p) up to, not including, round(y1·p), halves to even.
  ///
  /// - Parameters:
  ///   - box: the rectangle.
  ///   - generateInside: true for in-painting, false for out-painting.
  ///   - side: p_{K-1}.
  package init(box: EditBox, generateInside: Bool, side: Int) {
    let rows = Self.span(box.top, box.bottom, side)
    let columns = Self.span(box.left, box.right, side)
    self.side = side
    keep = (0..<side * side).map { index in
      let (row, column) = index.quotientAndRemainder(dividingBy: side)
      return (rows.contains(row) && columns.contains(column)) == generateInside ? 0 : 1
    }
  }

  /// Reduces a picture of any size, white (1) where to generate, by area mean > 0.5.
  ///
  /// - Parameters:
  ///   - generate: values in [0, 1], [height, width]; both at least 1.
  ///   - side: p_{K-1}.
  /// - Returns: nil when the values are not height · width.
  package init?(generate: [Float], height: Int, width: Int, side: Int) {
    guard height > 0, width > 0, generate.count == height * width else { return nil }
    self.side = side
    keep = (0..<side * side).map { index in
      let (row, column) = index.quotientAndRemainder(dividingBy: side)
      let rows = Resampling.window(row, height, side)
      let columns = Resampling.window(column, width, side)
      var sum = 0.0
      for y in rows { for x in columns { sum += Double(generate[y * width + x]) } }
      return sum / Double(rows.count * columns.count) > 0.5 ? 0 : 1
    }
  }

  /// The mask at the size of one scale: resized bilinearly, kept where above 0.5.
  ///
  /// A map of one token is always kept (official recipe).
  package func keep(atSide target: Int) -> [Bool] {
    if target == 1 { return [true] }
    return Resampling.bilinear(keep, from: side, to: target).map { $0 > 0.5 }
  }

  private static func span(_ from: Double, _ to: Double, _ side: Int) -> Range<Int> {
    func position(_ fraction: Double) -> Int {
      guard fraction > 0 else { return 0 }
      return Int((min(fraction, 1) * Double(side)).rounded(.toNearestOrEven))
    }
    let start = position(from)
    return start..<max(start, position(to))
  }
}
