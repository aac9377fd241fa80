/// At most 256 colours for a picture, and which of them each pixel takes.
///
/// Colours are counted in cells of 6 bits a channel that keep their true sums. The cells are cut, always the
/// box with the largest squared error at the mean of its widest channel (after Wan, Prusinkiewicz and Wong,
/// 1988), and the boxes' means are then moved by a few rounds of k-means (Lloyd). So no colour is cut to the
/// bits of its cell, and the mean colour of the picture stays.
package struct Palette {
  /// The colours, [count, 3].
  package let colours: [UInt8]
  /// The colour of each pixel, [height, width].
  package let indices: [UInt8]

  static let limit = 256
  private static let rounds = 4

  /// Finds the colours of a picture.
  package init(_ image: Image) {
    let pixels = image.pixels
    var slots = [Int32](repeating: -1, count: 1 << 18)
    var cells: [Cell] = []
    let area = image.width * image.height
    var slotOfPixel = [Int32](repeating: 0, count: area)
    for pixel in 0..<area {
      let red = Int(pixels[3 * pixel])
      let green = Int(pixels[3 * pixel + 1])
      let blue = Int(pixels[3 * pixel + 2])
      let key = (red >> 2) << 12 | (green >> 2) << 6 | blue >> 2
      if slots[key] < 0 {
        slots[key] = Int32(cells.count)
        cells.append(Cell())
      }
      let slot = slots[key]
      slotOfPixel[pixel] = slot
      cells[Int(slot)].add(SIMD4(Float(red), Float(green), Float(blue), 0))
    }
    let points = cells.map { ($0.sum / $0.count, $0.count) }
    var means = Self.cut(points)
    var nearest = Self.assign(points, means)
    for _ in 0..<Self.rounds {
      means = Self.means(points, nearest, means)
      nearest = Self.assign(points, means)
    }
    colours = means.flatMap { mean in
      (0..<3).map { UInt8(min(255, max(0, mean[$0].rounded()))) }
    }
    indices = slotOfPixel.map { nearest[Int($0)] }
  }

  /// The pixels of one cell.
  private struct Cell {
    var sum = SIMD4<Float>()
    var count: Float = 0

    mutating func add(_ colour: SIMD4<Float>) {
      sum += colour
      count += 1
    }
  }

  private typealias Point = (colour: SIMD4<Float>, weight: Float)

  /// Some of the points, with their weighted mean and the squared error to it, by channel.
  private struct Box {
    let points: ArraySlice<Point>
    let mean: SIMD4<Float>
    let error: SIMD4<Float>

    init(_ points: ArraySlice<Point>) {
      self.points = points
      var weight: Float = 0
      var sum = SIMD4<Float>()
      for point in points {
        sum += point.colour * point.weight
        weight += point.weight
      }
      let mean = sum / max(weight, 1)
      var error = SIMD4<Float>()
      for point in points {
        let difference = point.colour - mean
        error += difference * difference * point.weight
      }
      self.mean = mean
      self.error = error
    }

    /// The two sides of the mean of the channel with the largest error.
    var halves: (Box, Box)? {
      let channel = (0..<3).max { error[$0] < error[$1] } ?? 0
      let low = points.filter { $0.colour[channel] <= mean[channel] }
      let high = points.filter { $0.colour[channel] > mean[channel] }
      return low.isEmpty || high.isEmpty ? nil : (Box(low[...]), Box(high[...]))
    }
  }

  private static func cut(_ points: [Point]) -> [SIMD4<Float>] {
    var boxes = [Box(points[...])]
    while boxes.count < limit {
      guard let worst = boxes.indices.max(by: { boxes[$0].error.sum() < boxes[$1].error.sum() }),
        boxes[worst].error.sum() > 0, let (low, high) = boxes[worst].halves
      else { break }
      boxes[worst] = low
      boxes.append(high)
    }
    return boxes.map(\.mean)
  }

  private static func assign(_ points: [Point], _ means: [SIMD4<Float>]) -> [UInt8] {
    points.map { point in
      var best: (index: Int, distance: Float) = (0, .infinity)
      for index in means.indices {
        let difference = point.colour - means[index]
        let distance = (difference * difference).sum()
        if distance < best.distance { best = (index, distance) }
      }
      return UInt8(best.index)
    }
  }

  /// The means of what each colour got; those that got nothing stay.
  private static func means(
    _ points: [Point], _ nearest: [UInt8], _ old: [SIMD4<Float>]
  ) -> [SIMD4<Float>] {
    var cells = Array(repeating: Cell(), count: old.count)
    for (point, index) in zip(points, nearest) {
      cells[Int(index)].sum += point.colour * point.weight
      cells[Int(index)].count += point.weight
    }
    return zip(cells, old).map { $0.count > 0 ? $0.sum / $0.count : $1 }
  }
}
