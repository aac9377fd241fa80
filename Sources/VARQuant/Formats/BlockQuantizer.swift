internal import TensorBytes

/// Chooses scales and codes of a ``BlockFormat``: the pieces that encoders are made of.
///
/// All arithmetic is in binary32, in a fixed order, without fused operations: the same bits on every
/// machine. Public where it is to be inlined in other modules.
public struct BlockQuantizer: Sendable {
  /// What each code stands for.
  @usableFromInline package let values: [Int8]
  /// Weights that share an int8 scale.
  package let scaleSize: Int
  /// The code of every weight of a block whose scale is 0; its value is the least that is not
  /// negative.
  @usableFromInline package let zeroCode: UInt8
  /// The format, for errors.
  private let format: TensorFormat
  @usableFromInline let table: NearestCodes

  /// The quantizer of a format; nil if that is no ``BlockFormat``.
  package init?(_ format: TensorFormat) {
    guard let traits = format.traits as? any BlockFormat else { return nil }
    self.init(format, traits)
  }

  init(_ format: TensorFormat, _ traits: any BlockFormat) {
    self.format = format
    values = traits.values
    scaleSize = traits.scaleSize
    zeroCode = UInt8(1 << (traits.bits - 1))
    table = NearestCodes(traits.values)
  }

  /// The code whose value, times the scale, is nearest.
  @inlinable @inline(__always)
  public func code(_ value: Float, scale: Float) -> UInt8 {
    scale == 0 ? zeroCode : table.code(value * (2 / scale))
  }

  /// What a code stands for, to be multiplied with a scale.
  @inlinable @inline(__always) public func value(_ code: UInt8) -> Float {
    Float(values[Int(code)])
  }

  /// Searches the scales of a row, as they are stored.
  /// - Parameters:
  ///   - row: the weights, whole blocks.
  ///   - importance: how much the square of each weight's error counts, as many as weights, not
  ///     negative; nil for all alike.
  /// - Throws: ``EncodingError`` with the index within the row.
  package func scales(
    _ row: UnsafeBufferPointer<Float>, importance: UnsafeBufferPointer<Float>? = nil
  ) throws(EncodingError) -> RowScales {
    stored(unsafe try exactScales(row, importance: importance))
  }

  /// The best scale of each block in binary32, before any rounding.
  func exactScales(
    _ row: UnsafeBufferPointer<Float>, importance: UnsafeBufferPointer<Float>? = nil
  ) throws(EncodingError) -> [Float] {
    var scales: [Float] = []
    scales.reserveCapacity(row.count / scaleSize)
    for start in stride(from: 0, to: row.count, by: scaleSize) {
      let block = unsafe ScaleSearch(row, importance, start..<start + scaleSize)
      guard block.largest.isFinite else {
        let index = unsafe row[start...].firstIndex { !$0.isFinite } ?? start
        throw .notFinite(index: index)
      }
      // As much as the largest row scale holds.
      guard block.largest <= format.largestMagnitude else {
        let index = unsafe row[start...].firstIndex { abs($0) == block.largest } ?? start
        throw unsafe .outOfRange(format: format, index: index, value: row[index])
      }
      scales.append(block.search(table, ends: (value(0), Float(values.last ?? 0))))
    }
    return scales
  }

  /// Scales of blocks as int8 numbers times a binary16: the least that leaves none beyond ±127.
  func stored(_ exact: [Float]) -> RowScales {
    let largest = exact.reduce(Float(0)) { max($0, abs($1)) }
    let row16 = min(Self.halfNotBelow(largest / 127), 0x7BFF)
    let row = HalfPrecision.float(f16: row16)
    guard row > 0 else {
      return RowScales(row16: 0, scale8: exact.map { _ in 0 })
    }
    let scale8 = exact.map { Int8(max(-127, min(127, ($0 / row).rounded(.toNearestOrEven)))) }
    return RowScales(row16: row16, scale8: scale8)
  }

  /// The smallest binary16 that is not below a value that is not negative.
  private static func halfNotBelow(_ value: Float) -> UInt16 {
    let nearest = HalfPrecision.f16(value)
    return HalfPrecision.float(f16: nearest) < value ? nearest + 1 : nearest
  }

  /// The nearest code of every weight of a row.
  package func codes(_ row: UnsafeBufferPointer<Float>, _ scales: RowScales) -> [UInt8] {
    unsafe [UInt8](unsafeUninitializedCapacity: row.count) { codes, count in
      for block in scales.scale8.indices {
        let scale = scales.scale(block)
        let inverse = 2 / scale
        for index in block * scaleSize..<(block + 1) * scaleSize {
          unsafe codes[index] = scale == 0 ? zeroCode : table.code(row[index] * inverse)
        }
      }
      count = row.count
    }
  }
}

/// Finds the nearest of a table's values by looking it up, at a resolution of a half: the midpoint of
/// two integers is a multiple of that.
@usableFromInline final class NearestCodes: Sendable {
  /// By ⌊2u⌋ modulo 512, for u within ±128.
  @usableFromInline let codes: [UInt8]
  /// The value of the code, likewise.
  let values: [Float]

  init(_ values: [Int8]) {
    let midpoints = zip(values, values.dropFirst()).map { Int($0) + Int($1) }
    let codes = (0..<512).map { index in
      let twice = index < 256 ? index : index - 512
      return UInt8(midpoints.count { $0 <= twice })
    }
    self.codes = codes
    self.values = codes.map { Float(values[Int($0)]) }
  }

  /// The code nearest to u, given 2u.
  @inlinable @inline(__always) func code(_ twice: Float) -> UInt8 {
    // Adding 1.5 · 2^23 rounds to an integer, which is then in the lowest bits.
    let place = max(-255.5, min(255.5, twice)) - 0.5 + 0x1.8p23
    return codes[Int(place.bitPattern & 511)]
  }
}
