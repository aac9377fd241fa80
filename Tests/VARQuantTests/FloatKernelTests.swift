import CVARKernels
import TensorBytes
import Testing

/// The kernels that store weights as f16, bf16 and f32, at every level of this machine, against
/// `HalfPrecision`.
@Suite struct FloatKernelTests {
  private static let levels = (0..<UInt32(CVAR_LEVEL_COUNT.rawValue)).map { cvar_level($0) }
    .filter { cvar_level_available($0) }

  private struct Encoded: Equatable {
    var count = 0
    var halves: [UInt16]
    var totals: [Double] = []
  }

  private func encode(_ level: cvar_level, _ type: cvar_float_type, _ values: [Float]) -> Encoded {
    var result = Encoded(halves: [UInt16](repeating: 0, count: values.count))
    var totals = cvar_encoding_totals(signal: 1, noise: 2, error: 0)
    result.count = unsafe result.halves.withUnsafeMutableBufferPointer {
      unsafe cvar_encode_floats(
        level, type, values, values.count, type == CVAR_FLOAT_F32 ? nil : $0.baseAddress, &totals)
    }
    result.totals = [totals.signal, totals.noise, Double(totals.error)]
    return result
  }

  /// Number by number; sums in sixteen lanes, added as a tree.
  private func reference(_ type: cvar_float_type, _ values: [Float]) -> Encoded {
    var result = Encoded(count: values.count, halves: [])
    var (signal, noise) = ([Double](repeating: 0, count: 16), [Double](repeating: 0, count: 16))
    var error: Float = 0
    for start in stride(from: 0, to: values.count, by: 1024) {
      for index in start..<min(start + 1024, values.count) {
        let value = values[index]
        var stored = value
        if type == CVAR_FLOAT_F16 {
          result.halves.append(HalfPrecision.f16(value))
          stored = HalfPrecision.float(f16: HalfPrecision.f16(value))
        } else if type == CVAR_FLOAT_BF16 {
          result.halves.append(HalfPrecision.bf16(value))
          stored = HalfPrecision.float(bf16: HalfPrecision.bf16(value))
        } else {
          result.halves.append(0)
        }
        signal[index % 16] += Double(value) * Double(value)
        noise[index % 16] += Double(value - stored) * Double(value - stored)
        error = max(error, abs(value - stored))
      }
    }
    result.totals = [1 + tree(signal), 2 + tree(noise), Double(error)]
    return result
  }

  private func tree(_ sums: [Double]) -> Double {
    guard sums.count > 1 else { return sums[0] }
    return tree((0..<sums.count / 2).map { sums[$0] + sums[$0 + sums.count / 2] })
  }

  /// Every magnitude that a binary16 holds and those between, subnormal ones too.
  private func values(_ count: Int) -> [Float] {
    var state: UInt64 = 7
    return (0..<count).map { index in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let exponent = UInt32(index % 46) + 96
      let bits = (UInt32(truncatingIfNeeded: state >> 40) & 0x7F_FFFF) | exponent << 23
      // Ties, and the numbers beside them.
      let mantissa: UInt32 =
        index % 5 == 0 ? (bits & ~0x1FFF) | (0x1000 &+ UInt32(index % 3) &- 1) : bits
      let value = Float(bitPattern: mantissa | UInt32(index % 2) << 31)
      return index % 211 == 0 ? 0 : value
    }
  }

  @Test(
    arguments: levels.map(\.rawValue),
    [CVAR_FLOAT_F32, CVAR_FLOAT_F16, CVAR_FLOAT_BF16].map(\.rawValue))
  func bitsAreThoseOfHalfPrecision(level: UInt32, type: UInt32) {
    for count in [1, 15, 16, 17, 1023, 1024, 1040, 5000] {
      let numbers = values(count)
      #expect(
        encode(cvar_level(level), cvar_float_type(type), numbers)
          == reference(cvar_float_type(type), numbers), "\(count) numbers")
    }
  }

  /// Also a finite number that becomes infinite.
  @Test(
    arguments: levels.map(\.rawValue),
    [CVAR_FLOAT_F32, CVAR_FLOAT_F16, CVAR_FLOAT_BF16].map(\.rawValue))
  func stopsBeforeWhatIsNotFinite(level: UInt32, type: UInt32) {
    var bad: [Float] = [.nan, .infinity, -.infinity, -.nan]
    if type == CVAR_FLOAT_F16.rawValue { bad += [65_520, -65_520] }
    if type == CVAR_FLOAT_BF16.rawValue { bad.append(.greatestFiniteMagnitude) }
    for value in bad {
      for place in [0, 15, 1023, 1024, 2999] {
        var numbers = values(3000)
        numbers[place] = value
        let result = encode(cvar_level(level), cvar_float_type(type), numbers)
        #expect(result.count <= place && result.count > place - 1024, "\(value) at \(place)")
        #expect(result.totals == [1, 2, 0])
      }
    }
  }

  /// The largest numbers that stay finite.
  @Test(arguments: levels.map(\.rawValue))
  func takesTheLargest(level: UInt32) {
    #expect(
      encode(cvar_level(level), CVAR_FLOAT_F16, [Float(65_520).nextDown]).halves == [0x7BFF])
    #expect(
      encode(cvar_level(level), CVAR_FLOAT_BF16, [Float(bitPattern: 0x7F7F_7FFF)]).halves
        == [0x7F7F])
    #expect(
      encode(cvar_level(level), CVAR_FLOAT_F32, [.greatestFiniteMagnitude]).count == 1)
  }
}
