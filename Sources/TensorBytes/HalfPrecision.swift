/// Conversions between f32 and the 16-bit floating-point types, independent of the CPU's own.
///
/// Narrowing rounds to nearest, ties to even; what is too large becomes infinity, NaN stays NaN
/// (made quiet) with its sign. Widening is exact. Branch-free, so that loops vectorise;
/// public, for the compiler inlines in other modules what is public alone.
public enum HalfPrecision {
  /// The value of a binary16.
  @inlinable public static func float(f16 bits: UInt16) -> Float {
    let sign = (UInt32(bits) & 0x8000) << 16
    let magnitude = (UInt32(bits) & 0x7FFF) << 13
    // Moving the exponent by a multiplication handles subnormal numbers too.
    let scaled = (Float(bitPattern: magnitude) * 0x1p112).bitPattern
    let special: UInt32 = magnitude >= 0x0F80_0000 ? 0x7F80_0000 : 0
    return Float(bitPattern: scaled | special | sign)
  }

  /// The nearest binary16.
  @inlinable public static func f16(_ value: Float) -> UInt16 {
    let sign = UInt16(truncatingIfNeeded: (value.bitPattern >> 16) & 0x8000)
    let magnitude = value.bitPattern & 0x7FFF_FFFF
    let normal = (magnitude &+ 0xC800_0FFF &+ ((magnitude >> 13) & 1)) >> 13
    // The unit in the last place of [0.5, 1) is the smallest binary16: the addition rounds.
    let shifted = (Float(bitPattern: magnitude) + 0.5).bitPattern
    let subnormal = shifted &- 0x3F00_0000
    let nan = 0x7E00 | ((magnitude >> 13) & 0x1FF)
    let finite = magnitude < 0x3880_0000 ? subnormal : normal
    let infinite: UInt32 = magnitude > 0x7F80_0000 ? nan : 0x7C00
    return sign | UInt16(truncatingIfNeeded: magnitude >= 0x477F_F000 ? infinite : finite)
  }

  /// The value of a bfloat16.
  @inlinable public static func float(bf16 bits: UInt16) -> Float {
    Float(bitPattern: UInt32(bits) << 16)
  }

  /// The nearest bfloat16.
  @inlinable public static func bf16(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    let rounded = bits &+ 0x7FFF &+ ((bits >> 16) & 1)
    let isNaN = bits & 0x7FFF_FFFF > 0x7F80_0000
    return UInt16(truncatingIfNeeded: (isNaN ? bits | 0x40_0000 : rounded) >> 16)
  }

  /// The nearest binary16 of each value.
  package static func f16(_ values: [Float]) -> [UInt16] { values.map { f16($0) } }

  /// The nearest bfloat16 of each value.
  package static func bf16(_ values: [Float]) -> [UInt16] { values.map { bf16($0) } }

  /// The values of binary16 numbers.
  package static func floats(f16 bits: [UInt16]) -> [Float] { bits.map { float(f16: $0) } }

  /// The values of bfloat16 numbers.
  package static func floats(bf16 bits: [UInt16]) -> [Float] { bits.map { float(bf16: $0) } }
}

extension ElementType {
  /// Widens (f64: rounds) little-endian elements of a floating-point type, aligned or not, to f32.
  ///
  /// Converts as many whole elements as both buffers hold.
  /// - Returns: The number of elements converted; 0 if the type is not a floating-point one.
  package func convertToFloats(
    _ source: UnsafeRawBufferPointer, into target: UnsafeMutableBufferPointer<Float>
  ) -> Int {
    let count = min(source.count / byteWidth, target.count)
    guard isFloatingPoint, count > 0 else { return 0 }
    switch self {
    case .f64:
      unsafe Self.load(UInt64.self, source, count, target) { Float(Double(bitPattern: $0)) }
    case .f32:
      unsafe Self.load(UInt32.self, source, count, target) { Float(bitPattern: $0) }
    case .f16:
      unsafe Self.load(UInt16.self, source, count, target) { HalfPrecision.float(f16: $0) }
    case .bf16:
      unsafe Self.load(UInt16.self, source, count, target) { HalfPrecision.float(bf16: $0) }
    case .i64, .i32, .i16, .i8, .u64, .u32, .u16, .u8, .bool: return 0
    }
    return count
  }

  @inline(__always) private static func load<T: FixedWidthInteger & BitwiseCopyable>(
    _ type: T.Type, _ source: UnsafeRawBufferPointer, _ count: Int,
    _ target: UnsafeMutableBufferPointer<Float>, _ convert: (T) -> Float
  ) {
    guard let from = source.baseAddress, let to = target.baseAddress else { return }
    for index in 0..<count {
      let bits = unsafe from.loadUnaligned(
        fromByteOffset: index &* MemoryLayout<T>.size, as: T.self)
      unsafe to[index] = convert(T(littleEndian: bits))
    }
  }
}
