/// A block of 16 or 32 weights whose scale is searched: 24 candidates, then least squares.
struct ScaleSearch {
  private let weights: (SIMD16<Float>, SIMD16<Float>)
  private let importance: (SIMD16<Float>, SIMD16<Float>)
  private let isLong: Bool
  /// The weight of the largest magnitude, the first of equals.
  private let extreme: Float

  /// Candidates for each end of the table.
  private static let candidates = 12

  @inline(__always) init(
    _ row: UnsafeBufferPointer<Float>, _ importance: UnsafeBufferPointer<Float>?,
    _ range: Range<Int>
  ) {
    isLong = range.count > 16
    let start = range.lowerBound
    unsafe weights = (Self.load(row, start), isLong ? Self.load(row, start + 16) : SIMD16())
    if let importance = unsafe importance {
      unsafe self.importance = (
        Self.load(importance, start), isLong ? Self.load(importance, start + 16) : SIMD16()
      )
    } else {
      self.importance = (SIMD16(repeating: 1), SIMD16(repeating: 1))
    }
    var extreme = Float(0)
    for index in range {
      let weight = unsafe row[index]
      // A NaN is kept: nothing is larger than it, nor is it larger than anything.
      if !(abs(weight) <= abs(extreme)) { extreme = weight }
      if weight.isNaN { break }
    }
    self.extreme = extreme
  }

  @inline(__always) private static func load(
    _ values: UnsafeBufferPointer<Float>, _ start: Int
  ) -> SIMD16<Float> {
    unsafe UnsafeRawBufferPointer(values).loadUnaligned(
      fromByteOffset: 4 * start, as: SIMD16<Float>.self)
  }

  /// The largest magnitude; not finite if a weight is not.
  var largest: Float { abs(extreme) }

  /// The scale with the least weighted squared error.
  ///
  /// A candidate takes the extreme weight to one end of the table, or to (31 + i)/36 of that end,
  /// i = 0…11. The least-squares scale for the codes of the best one replaces it where it is better.
  @inline(__always) func search(_ table: NearestCodes, ends: (Float, Float)) -> Float {
    guard extreme != 0 else { return 0 }
    return unsafe table.values.withUnsafeBufferPointer { values in
      var best = Float(0)
      var least = Float.infinity
      for index in 0..<Self.candidates {
        let share = Float(31 + index) / 36
        let low = extreme / (ends.0 * share)
        let lowNoise = unsafe noise(low, values)
        if lowNoise < least { (least, best) = (lowNoise, low) }
        let high = extreme / (ends.1 * share)
        let highNoise = unsafe noise(high, values)
        if highNoise < least { (least, best) = (highNoise, high) }
      }
      guard best != 0 else { return extreme / ends.0 }
      let refined = unsafe leastSquares(best, values)
      return unsafe noise(refined, values) < least ? refined : best
    }
  }

  /// Σ importance · (w − ŵ)².
  @inline(__always) private func noise(
    _ scale: Float, _ table: UnsafeBufferPointer<Float>
  ) -> Float {
    let inverse = 2 / scale
    let first = weights.0 - (unsafe Self.nearest(weights.0 * inverse, table)) * scale
    var sum = importance.0 * (first * first)
    if isLong {
      let second = weights.1 - (unsafe Self.nearest(weights.1 * inverse, table)) * scale
      sum = sum + importance.1 * (second * second)
    }
    return sum.orderedSum()
  }

  /// The best scale for the codes that are nearest at a scale.
  private func leastSquares(_ scale: Float, _ table: UnsafeBufferPointer<Float>) -> Float {
    let inverse = 2 / scale
    let first = unsafe Self.nearest(weights.0 * inverse, table)
    var (cross, square) = (importance.0 * (weights.0 * first), importance.0 * (first * first))
    if isLong {
      let second = unsafe Self.nearest(weights.1 * inverse, table)
      cross = cross + importance.1 * (weights.1 * second)
      square = square + importance.1 * (second * second)
    }
    let divisor = square.orderedSum()
    return divisor > 0 ? cross.orderedSum() / divisor : scale
  }

  /// The table's values nearest to u, given 2u; as ``NearestCodes/code(_:)``.
  @inline(__always) private static func nearest(
    _ twice: SIMD16<Float>, _ table: UnsafeBufferPointer<Float>
  ) -> SIMD16<Float> {
    let limit = SIMD16<Float>(repeating: 255.5)
    let low = SIMD16<Float>() - limit
    let capped = twice.replacing(with: limit, where: twice .> limit)
    let clamped = capped.replacing(with: low, where: capped .< low)
    let places = (clamped - 0.5) + 0x1.8p23
    let bits = unsafe unsafeBitCast(places, to: SIMD16<UInt32>.self) & 511
    var values = SIMD16<Float>()
    for index in 0..<16 { unsafe values[index] = table[Int(bits[index])] }
    return values
  }
}
