/// One axis of a resize: every target position is a weighted sum of `taps` source positions.
///
/// Coordinates follow PyTorch's CPU `interpolate` with `align_corners=False` and without
/// antialiasing, in f32: (i + ½)·source/target − ½, positions clamped to the edge.
package struct ResizeAxis: Sendable, Equatable {
  /// Length of the source line.
  package let source: Int
  /// Length of the target line.
  package let target: Int
  /// Source positions a target position reads.
  package let taps: Int
  /// Source positions, [target, taps].
  package let positions: [Int]
  /// Their weights, [target, taps].
  package let weights: [Float]

  /// Cubic convolution with a = −0.75 over four neighbours.
  package static func bicubic(from source: Int, to target: Int) -> ResizeAxis {
    var positions: [Int] = []
    var weights: [Float] = []
    for index in 0..<target {
      let coordinate = sourceCoordinate(index, source, target)
      let base = min(Int(coordinate.rounded(.down)), source - 1)
      let fraction = min(max(coordinate - Float(base), 0), 1)
      positions += (-1...2).map { min(max(base + $0, 0), source - 1) }
      weights += cubicWeights(fraction)
    }
    return ResizeAxis(
      source: source, target: target, taps: 4, positions: positions, weights: weights)
  }

  /// Linear interpolation between two neighbours.
  package static func bilinear(from source: Int, to target: Int) -> ResizeAxis {
    var positions: [Int] = []
    var weights: [Float] = []
    for index in 0..<target {
      let coordinate =
        source == target ? Float(index) : max(sourceCoordinate(index, source, target), 0)
      let base = min(Int(coordinate), source - 1)
      let fraction = min(max(coordinate - Float(base), 0), 1)
      positions += [base, min(base + 1, source - 1)]
      weights += [1 - fraction, fraction]
    }
    return ResizeAxis(
      source: source, target: target, taps: 2, positions: positions, weights: weights)
  }

  /// PyTorch's compiler contracts this to one fused multiply-add, and at 0.5 a bit decides.
  private static func sourceCoordinate(_ index: Int, _ source: Int, _ target: Int) -> Float {
    Float(-0.5).addingProduct(Float(source) / Float(target), Float(index) + 0.5)
  }

  private static func cubicWeights(_ fraction: Float) -> [Float] {
    let a: Float = -0.75
    func near(_ x: Float) -> Float { ((a + 2) * x - (a + 3)) * x * x + 1 }
    func far(_ x: Float) -> Float { ((a * x - 5 * a) * x + 8 * a) * x - 4 * a }
    let rest = 1 - fraction
    return [far(fraction + 1), near(fraction), near(rest), far(rest + 1)]
  }
}

/// Resizing of square maps whose channels lie last, in the operation order of PyTorch's CPU code.
///
/// The order of additions and the places of fused multiply-adds were found by trying all of them
/// against PyTorch 2.13: equal to the bit, but for bicubic targets that are no power of two and for
/// the average over a whole map (area to 1×1), which may differ in the last place.
package enum Resampling {
  /// Bicubic resize: along each source row first, then down the columns.
  ///
  /// - Parameters:
  ///   - map: [source, source, channels].
  ///   - scratch: at least source · target · channels values.
  ///   - output: [target, target, channels].
  package static func bicubic(
    _ map: Span<Float>, channels: Int, along axis: ResizeAxis, scratch: inout MutableSpan<Float>,
    into output: inout MutableSpan<Float>
  ) {
    for row in 0..<axis.source {
      for column in 0..<axis.target {
        cubicSum(
          of: map, at: row * axis.source, stride: channels, axis: axis, position: column,
          count: channels, into: &scratch, at: (row * axis.target + column) * channels)
      }
    }
    let line = axis.target * channels
    for row in 0..<axis.target {
      cubicSum(
        of: scratch.span, at: 0, stride: line, axis: axis, position: row, count: line,
        into: &output, at: row * line)
    }
  }

  /// Four weighted lines: (w0·a + (w1·b)) + w2·c + w3·d, all but the bracketed product fused.
  private static func cubicSum(
    of source: Span<Float>, at base: Int, stride: Int, axis: ResizeAxis, position: Int,
    count: Int, into output: inout MutableSpan<Float>, at start: Int
  ) {
    func line(_ tap: Int) -> Int { (base + axis.positions[position * 4 + tap]) * stride }
    func weight(_ tap: Int) -> Float { axis.weights[position * 4 + tap] }
    let (line0, line1, line2, line3) = (line(0), line(1), line(2), line(3))
    let (weight0, weight1, weight2, weight3) = (weight(0), weight(1), weight(2), weight(3))
    for index in 0..<count {
      var sum = source[line1 + index] * weight1
      sum = sum.addingProduct(source[line0 + index], weight0)
      sum = sum.addingProduct(source[line2 + index], weight2)
      output[start + index] = sum.addingProduct(source[line3 + index], weight3)
    }
  }

  /// Bilinear resize of a map of one channel: the products of both axes' weights, summed in order.
  ///
  /// - Parameter map: [source, source].
  /// - Returns: [target, target].
  package static func bilinear(_ map: [Float], from source: Int, to target: Int) -> [Float] {
    let axis = ResizeAxis.bilinear(from: source, to: target)
    return (0..<target * target).map { index in
      let (row, column) = index.quotientAndRemainder(dividingBy: target)
      var sum: Float = 0
      for vertical in row * 2..<row * 2 + 2 {
        for horizontal in column * 2..<column * 2 + 2 {
          let value = map[axis.positions[vertical] * source + axis.positions[horizontal]]
          sum = sum.addingProduct(axis.weights[vertical] * axis.weights[horizontal], value)
        }
      }
      return sum
    }
  }

  /// Averages a map over the windows of adaptive average pooling (`interpolate` in mode `area`).
  ///
  /// Window i covers ⌊i·source/target⌋ up to ⌈(i+1)·source/target⌉.
  /// - Parameters:
  ///   - map: [source, source, channels].
  ///   - output: [target, target, channels].
  package static func area(
    _ map: Span<Float>, channels: Int, from source: Int, to target: Int,
    into output: inout MutableSpan<Float>
  ) {
    for row in 0..<target {
      let rows = window(row, source, target)
      for column in 0..<target {
        average(
          map, channels: channels, side: source, rows: rows,
          columns: window(column, source, target), into: &output,
          at: (row * target + column) * channels)
      }
    }
  }

  /// The source positions that target position `index` averages over.
  static func window(_ index: Int, _ source: Int, _ target: Int) -> Range<Int> {
    index * source / target..<((index + 1) * source + target - 1) / target
  }

  private static func average(
    _ map: Span<Float>, channels: Int, side: Int, rows: Range<Int>, columns: Range<Int>,
    into output: inout MutableSpan<Float>, at start: Int
  ) {
    for channel in 0..<channels { output[start + channel] = 0 }
    for row in rows {
      for column in columns {
        let pixel = (row * side + column) * channels
        for channel in 0..<channels { output[start + channel] += map[pixel + channel] }
      }
    }
    let height = Float(rows.count)
    let width = Float(columns.count)
    for channel in 0..<channels {
      output[start + channel] = output[start + channel] / height / width
    }
  }
}
