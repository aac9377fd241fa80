internal import TensorBytes

/// 32 weights on their way into ``TensorFormat/q8``; see the section on q8 in `formats/varq-v1.md`.
///
/// Vectors of 16, so that the compiler uses whatever registers there are; the operations and their
/// order, and so the bits of the result, are the same everywhere.
struct Q8Block {
  private let low: SIMD16<Float>
  private let high: SIMD16<Float>

  /// The result: one scale (binary16) for 32 quants, and what was lost.
  struct Encoded {
    var scale: UInt16 = 0
    var low = SIMD16<Int8>()
    var high = SIMD16<Int8>()
    /// Σ (w − ŵ)².
    var noise: Float = 0
    /// max |w − ŵ|.
    var maximumError: Float = 0
  }

  /// Loads 32 floats.
  @inline(__always) @unsafe init(_ values: UnsafePointer<Float>) {
    let raw = unsafe UnsafeRawPointer(values)
    unsafe low = raw.loadUnaligned(as: SIMD16<Float>.self)
    unsafe high = raw.loadUnaligned(fromByteOffset: 64, as: SIMD16<Float>.self)
  }

  /// Σ w².
  var signal: Float { (low * low + high * high).orderedSum() }

  /// The largest magnitude as bits, which is 0x7F80_0000 or more if a weight is not finite.
  var maximumBits: UInt32 {
    let mask = SIMD16<UInt32>(repeating: 0x7FFF_FFFF)
    let first = unsafe unsafeBitCast(low, to: SIMD16<UInt32>.self) & mask
    let second = unsafe unsafeBitCast(high, to: SIMD16<UInt32>.self) & mask
    return first.replacing(with: second, where: first .< second).max()
  }

  /// Chooses the candidate scale with the least squared error; nil if the weights are too large.
  ///
  /// No quant leaves ±127, for no candidate is below the largest magnitude over 127.
  ///
  /// - Precondition: the largest magnitude, given as `maximum`, is finite.
  @inline(__always) func encode(maximum: Float) -> Encoded? {
    guard maximum > 0 else { return Encoded() }
    let smallest = maximum / 127
    guard smallest <= Self.largestScale else { return nil }
    let candidates = Self.ceilingToHalf(smallest * Self.factors)
    var best = Float(0)
    var least = Float.infinity
    for index in 0..<16 {
      let scale = candidates[index]
      let noise = noise(scale)
      // A scale that overflowed is infinite and makes the error NaN or infinite: never less.
      if noise < least {
        least = noise
        best = scale
      }
    }
    return encode(scale: best, noise: least)
  }

  @inline(__always) private func noise(_ scale: Float) -> Float {
    let inverse = 1 / scale
    let first = low - Self.round(low * inverse) * scale
    let second = high - Self.round(high * inverse) * scale
    return (first * first + second * second).orderedSum()
  }

  @inline(__always) private func encode(scale: Float, noise: Float) -> Encoded {
    let inverse = 1 / scale
    let first = Self.round(low * inverse)
    let second = Self.round(high * inverse)
    let zero = SIMD16<Float>()
    let errors = (low - first * scale, high - second * scale)
    let magnitudes = (
      errors.0.replacing(with: zero - errors.0, where: errors.0 .< zero),
      errors.1.replacing(with: zero - errors.1, where: errors.1 .< zero)
    )
    return Encoded(
      scale: HalfPrecision.f16(scale), low: Self.integers(first), high: Self.integers(second),
      noise: noise, maximumError: max(magnitudes.0.max(), magnitudes.1.max()))
  }

  /// The largest binary16.
  static let largestScale: Float = 65_504

  /// 1 + i/254 for the 16 candidates.
  private static let factors: SIMD16<Float> = {
    var factors = SIMD16<Float>()
    for index in 0..<16 { factors[index] = 1 + Float(index) / 254 }
    return factors
  }()

  /// The nearest integers, ties to even; for magnitudes below 2^22.
  @inline(__always) private static func round(_ values: SIMD16<Float>) -> SIMD16<Float> {
    let magic = SIMD16<Float>(repeating: 0x1.8p23)
    return (values + magic) - magic
  }

  /// Whole numbers within ±127 as bytes: adding 1.5·2^23 leaves them in the lowest bits.
  @inline(__always) private static func integers(_ values: SIMD16<Float>) -> SIMD16<Int8> {
    let bits = unsafe unsafeBitCast(
      values + SIMD16<Float>(repeating: 0x1.8p23), to: SIMD16<UInt32>.self)
    var integers = SIMD16<Int8>()
    for index in 0..<16 { integers[index] = Int8(truncatingIfNeeded: bits[index]) }
    return integers
  }

  /// The smallest binary16 that is not below each value, as f32; infinite beyond the largest.
  @inline(__always) private static func ceilingToHalf(_ values: SIMD16<Float>) -> SIMD16<Float> {
    guard values[0] >= 0x1p-14, values[15] <= largestScale else {
      var result = values
      for index in 0..<16 { result[index] = ceilingToHalf(values[index]) }
      return result
    }
    let bits = unsafe unsafeBitCast(values, to: SIMD16<UInt32>.self)
    let rounded = (bits &+ 0x1FFF) & ~0x1FFF
    return unsafe unsafeBitCast(rounded, to: SIMD16<Float>.self)
  }

  /// The same for one value, which may become subnormal or infinite.
  private static func ceilingToHalf(_ value: Float) -> Float {
    let nearest = HalfPrecision.f16(value)
    // Positive binary16 numbers are ordered like their bits; after the largest comes infinity.
    let isBelow = HalfPrecision.float(f16: nearest) < value
    return HalfPrecision.float(f16: isBelow ? nearest + 1 : nearest)
  }
}

extension SIMD16<Float> {
  /// The sum of the lanes, always in the same order.
  @inline(__always) func orderedSum() -> Float {
    let eight = lowHalf + highHalf
    let four = eight.lowHalf + eight.highHalf
    let two = four.lowHalf + four.highHalf
    return two[0] + two[1]
  }
}
