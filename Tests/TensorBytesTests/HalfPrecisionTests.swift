import TensorBytes
import Testing

@Suite struct HalfPrecisionTests {
  /// Every binary16 against the compiler's own type.
  @Test func wideningIsExact() {
    let wrong = (UInt16.min ... .max).filter { bits in
      let expected = Float(Float16(bitPattern: bits))
      let actual = HalfPrecision.float(f16: bits)
      return actual.bitPattern != expected.bitPattern && !(actual.isNaN && expected.isNaN)
    }
    #expect(wrong == [])
  }

  /// Around every binary16: itself, the midpoint to the next one, and the floats beside these.
  @Test func narrowingRoundsToNearestEven() {
    var wrong: [Float] = []
    for bits in UInt16(0)..<0x7C00 {
      let value = HalfPrecision.float(f16: bits)
      let next = bits == 0x7BFF ? 65_536 : HalfPrecision.float(f16: bits + 1)
      let middle = (value + next) / 2
      for x in [value, value.nextUp, middle.nextDown, middle, middle.nextUp, next.nextDown] {
        if HalfPrecision.f16(x) != Float16(x).bitPattern { wrong.append(x) }
        if HalfPrecision.f16(-x) != Float16(-x).bitPattern { wrong.append(-x) }
      }
    }
    #expect(wrong == [])
  }

  @Test func specialValues() {
    #expect(
      HalfPrecision.f16([.infinity, -.infinity, 1e10, -1e10, 0, -0.0, 1e-30])
        == [0x7C00, 0xFC00, 0x7C00, 0xFC00, 0, 0x8000, 0])
    let signaling = Float(bitPattern: 0x7F80_0001)
    #expect(HalfPrecision.f16([signaling, -.nan]) == [0x7E00, 0xFE00])
    #expect(HalfPrecision.bf16([signaling, -.nan]) == [0x7FC0, 0xFFC0])
    #expect(HalfPrecision.floats(f16: [0x7E00]).allSatisfy { $0.isNaN })
    #expect(HalfPrecision.floats(bf16: [0x7FC0]).allSatisfy { $0.isNaN })
    #expect(
      HalfPrecision.bf16([.infinity, -.infinity, .greatestFiniteMagnitude, -0.0])
        == [0x7F80, 0xFF80, 0x7F80, 0x8000])
  }

  /// Ties go to the even neighbour, everything else to the nearer one.
  @Test func bfloat16RoundsToNearestEven() {
    let cases: [(UInt32, UInt16)] = [
      (0x3F80_0000, 0x3F80), (0x3F80_7FFF, 0x3F80), (0x3F80_8000, 0x3F80),
      (0x3F80_8001, 0x3F81), (0x3F81_8000, 0x3F82), (0x3F81_7FFF, 0x3F81),
    ]
    for (bits, expected) in cases {
      #expect(HalfPrecision.bf16(Float(bitPattern: bits)) == expected)
    }
  }

  @Test func convertsUnalignedBytes() {
    let bytes: [UInt8] = [0xFF, 0x00, 0x3C, 0x00, 0xC0, 0x01]
    var floats: [Float] = [0, 0, 0]
    let count = unsafe bytes.withUnsafeBytes { source in
      unsafe floats.withUnsafeMutableBufferPointer { target in
        unsafe ElementType.f16.convertToFloats(
          UnsafeRawBufferPointer(rebasing: source[1...]), into: target)
      }
    }
    #expect(count == 2)
    #expect(floats == [1, -2, 0])
  }
}
