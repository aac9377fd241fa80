import CVARKernels
import TensorBytes
import Testing

/// The kernel that encodes q8, at every level of this machine, against the text of the format.
@Suite struct Q8KernelTests {
  private struct Encoded: Equatable {
    var quants: [Int8] = []
    var scales: [UInt16] = []
    var signal = 0.0
    var noise = 0.0
    var error: Float = 0
  }

  private static let levels = (0..<UInt32(CVAR_LEVEL_COUNT.rawValue)).map { cvar_level($0) }
    .filter { cvar_level_available($0) }

  private func encode(_ level: cvar_level, _ values: [Float]) -> (blocks: Int, result: Encoded) {
    let blocks = values.count / 32
    var result = Encoded(
      quants: [Int8](repeating: 0, count: values.count),
      scales: [UInt16](repeating: 0, count: blocks))
    var totals = cvar_encoding_totals()
    let count = unsafe cvar_encode_q8(
      level, values, blocks, &result.quants, &result.scales, &totals)
    (result.signal, result.noise, result.error) = (totals.signal, totals.noise, totals.error)
    return (count, result)
  }

  /// Sixteen numbers, halves added to halves.
  private func sum(_ numbers: [Float]) -> Float {
    numbers.count == 1
      ? numbers[0]
      : sum((0..<numbers.count / 2).map { numbers[$0] + numbers[$0 + numbers.count / 2] })
  }

  private func squares(_ block: [Float]) -> Float {
    sum((0..<16).map { block[$0] * block[$0] + block[$0 + 16] * block[$0 + 16] })
  }

  /// As `formats/varq-v1.md` says it, number by number.
  private func reference(_ values: [Float]) -> Encoded {
    var result = Encoded()
    for start in stride(from: 0, to: values.count, by: 32) {
      let block = Array(values[start..<start + 32])
      let smallest = (block.map(abs).max() ?? 0) / 127
      var (best, least) = (Float(0), Float.infinity)
      func quants(_ scale: Float) -> [Float] {
        block.map { ($0 * (1 / scale)).rounded(.toNearestOrEven) }
      }
      func errors(_ scale: Float) -> [Float] {
        zip(block, quants(scale)).map { $0 - $1 * scale }
      }
      for candidate in 0..<16 {
        let wanted = smallest * (1 + Float(candidate) / 254)
        var bits = HalfPrecision.f16(wanted)
        if HalfPrecision.float(f16: bits) < wanted { bits += 1 }
        let scale = HalfPrecision.float(f16: bits)
        let noise = squares(errors(scale))
        if noise < least { (best, least) = (scale, noise) }
      }
      result.quants += quants(best).map { Int8($0) }
      result.scales.append(HalfPrecision.f16(best))
      result.signal += Double(squares(block))
      result.noise += Double(least)
      result.error = max(result.error, errors(best).map(abs).max() ?? 0)
    }
    return result
  }

  private func weights(_ blocks: Int, magnitude: Float) -> [Float] {
    var state: UInt64 = 42
    return (0..<32 * blocks).map { index in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let uniform = Float(state >> 40) / Float(1 << 24) - 0.5
      return uniform * magnitude * (index % 97 == 5 ? 7 : 1)
    }
  }

  @Test(arguments: levels.map(\.rawValue), [0.05, 1, 300, 4e5] as [Float])
  func bitsAreTheFormats(level: UInt32, magnitude: Float) {
    let values = weights(50, magnitude: magnitude)
    let (blocks, result) = encode(cvar_level(level), values)
    #expect(blocks == 50)
    #expect(result == reference(values))
  }

  /// What needs more care than speed is left to the caller.
  @Test(
    arguments: levels.map(\.rawValue),
    [0, .nan, -.infinity, 0x1p-14 * 126, 65504 * 121] as [Float])
  func stopsAtWhatItLeaves(level: UInt32, value: Float) {
    var values = weights(9, magnitude: 1)
    for index in 7 * 32..<8 * 32 { values[index] = value == 0 || index == 7 * 32 + 31 ? value : 0 }
    let (blocks, result) = encode(cvar_level(level), values)
    #expect(blocks == 7)
    #expect(result.quants[(7 * 32)...].allSatisfy { $0 == 0 })
    #expect(Array(result.quants[..<(7 * 32)]) == reference(Array(values[..<(7 * 32)])).quants)
  }
}
