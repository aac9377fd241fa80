package import VARImages

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

/// Which tokens of the last map are generated, and which keep a picture's own.
package struct EditMask: Equatable, Sendable {
  /// Side of the last token map, p_{K-1}.
  package let side: Int
  /// Whether a token is generated; [side, side].
  package let generated: [Bool]

  /// Takes [side, side] values.
  /// - Returns: nil when there are not side² of them.
  package init?(side: Int, generated: [Bool]) {
    guard side > 0, generated.count == side * side else { return nil }
    self.side = side
    self.generated = generated
  }

  /// Generates inside a box, which covers rows round(y0·p) up to, not including, round(y1·p), halves
  /// to even.
  package init(box: EditBox, side: Int) {
    let rows = Self.span(box.top, box.bottom, side)
    let columns = Self.span(box.left, box.right, side)
    self.side = side
    generated = (0..<side * side).map { index in
      let (row, column) = index.quotientAndRemainder(dividingBy: side)
      return rows.contains(row) && columns.contains(column)
    }
  }

  /// Generates inside several boxes.
  package init(boxes: [EditBox], side: Int) {
    let masks = boxes.map { EditMask(box: $0, side: side) }
    self.side = side
    generated = (0..<side * side).map { index in masks.contains { $0.generated[index] } }
  }

  /// Reduces a mask of any size by area mean > 0.5.
  package init(_ mask: PixelMask, side: Int) {
    self.side = side
    generated = (0..<side * side).map { index in
      let (row, column) = index.quotientAndRemainder(dividingBy: side)
      let rows = Resampling.window(row, mask.height, side)
      let columns = Resampling.window(column, mask.width, side)
      var sum = 0.0
      for y in rows { for x in columns { sum += Double(mask.generated[y * mask.width + x]) } }
      return sum / Double(rows.count * columns.count) > 0.5
    }
  }

  private init(validSide side: Int, generated: [Bool]) {
    self.side = side
    self.generated = generated
  }

  /// The mask with generated and kept exchanged.
  package var inverted: EditMask { EditMask(validSide: side, generated: generated.map { !$0 }) }

  /// Tokens of the last map that are generated.
  package var generatedCount: Int { generated.count { $0 } }

  /// What is generated at the size of one scale: the kept share is resized bilinearly and keeps a
  /// token where it is above 0.5.
  ///
  /// A map of one token is always kept (official recipe).
  package func generated(atSide target: Int) -> [Bool] {
    if target == 1 { return [false] }
    let kept = generated.map { $0 ? 0 : 1 as Float }
    return Resampling.bilinear(kept, from: side, to: target).map { !($0 > 0.5) }
  }

  /// The tokens' squares over a picture of this size.
  package func pixels(width: Int, height: Int) -> PixelMask {
    PixelMask(
      width: width, height: height,
      generated: (0..<width * height).map { index in
        let (y, x) = index.quotientAndRemainder(dividingBy: width)
        return generated[y * side / height * side + x * side / width] ? 1 : 0
      })
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
