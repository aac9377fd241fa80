import TensorBytes
import TestSupport
import Testing
import VARQuant

/// What each format may lose: limits are named, and the worst value seen is printed.
@Suite struct TensorEncoderTests {
  /// Least SQNR in dB for Gaussian weights with outlier columns.
  static let leastSQNR: [TensorFormat: Double] = [
    .f32: .infinity, .f16: 72, .bf16: 54, .q8: 43.5, .q6: 30, .q5: 24, .q4: 19,
    .q3: 15,
  ]
  /// What the search of the scale must gain over the scale of the largest weight, in dB.
  static let leastGain = 0.6
  /// Largest error of a weight in q8, as a share of its block's largest.
  static let largestBlockError: Float = 0.5 / 127 * (1 + 15.0 / 254) * (1 + 1.0 / 1024)

  /// Weights [rows, 256] as a trained transformer has them: Gaussian, every 64th column ×4.
  private static func weights(rows: Int) -> [Float] {
    var state: UInt64 = 0x9E37_79B9_7F4A_7C15
    func uniform() -> Float {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Float(state >> 40) / Float(1 << 24)
    }
    return (0..<rows * 256).map { index in
      // The sum of 12 uniform numbers is close enough to Gaussian.
      let normal = (0..<12).reduce(Float(-6)) { sum, _ in sum + uniform() }
      return normal / 32 * (index % 64 == 5 ? 4 : 1)
    }
  }

  private func statistics(_ format: TensorFormat, _ values: [Float]) throws -> (
    statistics: QuantizationStatistics, decoded: [Float]
  ) {
    let folder = try TemporaryFolder()
    let plan = TensorPlan(name: "w", format: format, shape: [values.count / 32, 32])
    let writer = try VarqWriter(
      output(folder.file("w.varq")), metadata: Metadata(), tensors: [plan])
    let statistics = try writer.append(values)
    try writer.finish()
    return (statistics, try VarqFile(folder.file("w.varq")).tensors[0].floats())
  }

  @Test(arguments: TensorFormat.allCases) func errorsStayWithinLimits(format: TensorFormat) throws {
    let values = Self.weights(rows: 64)
    let (statistics, decoded) = try statistics(format, values)
    print("\(format.name): SQNR \(statistics.sqnr) dB, worst error \(statistics.maximumError)")
    #expect(statistics.sqnr >= Self.leastSQNR[format, default: 0])
    #expect(statistics.count == values.count)
    var measured = QuantizationStatistics()
    measured.add(values, decoded)
    #expect(measured.maximumError == statistics.maximumError)
    if measured.noise > 0 {
      #expect(abs(measured.noise / statistics.noise - 1) < 1e-4)
      #expect(abs(measured.signal / statistics.signal - 1) < 1e-4)
    }
  }

  /// A scalar quantizer with the plain scale is the yardstick of the search.
  @Test func searchOfTheScaleGains() throws {
    let values = Self.weights(rows: 64)
    var plain = QuantizationStatistics()
    for start in stride(from: 0, to: values.count, by: 32) {
      let block = Array(values[start..<start + 32])
      let scale = (block.map(abs).max() ?? 0) / 127
      plain.add(block, block.map { ($0 / scale).rounded(.toNearestOrEven) * scale })
    }
    let gain = try statistics(.q8, values).statistics.sqnr - plain.sqnr
    print("q8: the search gains \(gain) dB over \(plain.sqnr) dB")
    #expect(gain >= Self.leastGain)
  }

  @Test func everyWeightIsWithinHalfAStep() throws {
    let values = Self.weights(rows: 64)
    let decoded = try statistics(.q8, values).decoded
    var worst: Float = 0
    for start in stride(from: 0, to: values.count, by: 32) {
      let block = start..<start + 32
      let largest = block.map { abs(values[$0]) }.max() ?? 0
      let error = block.map { abs(values[$0] - decoded[$0]) }.max() ?? 0
      worst = max(worst, error / largest)
    }
    print("q8: worst error \(worst) of the block's largest weight")
    #expect(worst <= Self.largestBlockError)
  }

  /// The vectors agree with the text of the format, computed weight by weight.
  @Test func choiceIsThatOfTheFormatText() throws {
    let values = Self.weights(rows: 8)
    let decoded = try statistics(.q8, values).decoded
    for start in stride(from: 0, to: values.count, by: 32) {
      let block = Array(values[start..<start + 32])
      let error = zip(block, decoded[start..<start + 32]).reduce(Float(0)) {
        $0 + ($1.0 - $1.1) * ($1.0 - $1.1)
      }
      let least = (0..<16).map { Self.error(of: block, candidate: $0) }.min() ?? 0
      #expect(abs(error - least) <= 1e-5 * least)
    }
  }

  private static func error(of block: [Float], candidate: Int) -> Float {
    let wanted = (block.map(abs).max() ?? 0) / 127 * (1 + Float(candidate) / 254)
    var bits = HalfPrecision.f16(wanted)
    if HalfPrecision.float(f16: bits) < wanted { bits += 1 }
    let scale = HalfPrecision.float(f16: bits)
    return block.reduce(0) { sum, value in
      let error = value - (value * (1 / scale)).rounded(.toNearestOrEven) * scale
      return sum + error * error
    }
  }

  @Test func extremesOfTheRange() throws {
    let zeros = try statistics(.q8, [Float](repeating: -0.0, count: 32))
    #expect(zeros.decoded.allSatisfy { $0 == 0 && $0.sign == .plus })
    #expect(zeros.statistics.sqnr == .infinity)
    // The largest scale, 65,504, times 127; its neighbours as candidates are infinite.
    let large = try statistics(.q8, [8_319_008] + [Float](repeating: 65_504, count: 31))
    #expect(large.decoded == [8_319_008] + [Float](repeating: 65_504, count: 31))
    // The smallest scale, 2^-24.
    let small = try statistics(.q8, [0x1p-24 * 3, -0x1p-24] + [Float](repeating: 0, count: 30))
    #expect(small.decoded == [0x1p-24 * 3, -0x1p-24] + [Float](repeating: 0, count: 30))
    let tiny = try statistics(.q8, [0x1p-30] + [Float](repeating: 0, count: 31))
    #expect(tiny.decoded.allSatisfy { $0 == 0 })
  }

  struct Refusal: Sendable {
    let format: TensorFormat
    let value: Float
    let error: EncodingError
  }

  @Test(arguments: [
    Refusal(
      format: .q8, value: 8_323_072,
      error: .outOfRange(format: .q8, index: 40, value: 8_323_072)),
    Refusal(
      format: .f16, value: -65_520, error: .outOfRange(format: .f16, index: 40, value: -65_520)),
    Refusal(
      format: .bf16, value: 0x1.FFp127,
      error: .outOfRange(format: .bf16, index: 40, value: 0x1.FFp127)),
    Refusal(format: .f32, value: .nan, error: .notFinite(index: 40)),
    Refusal(format: .f16, value: .infinity, error: .notFinite(index: 40)),
    Refusal(format: .bf16, value: -.infinity, error: .notFinite(index: 40)),
    Refusal(format: .q8, value: -.nan, error: .notFinite(index: 40)),
    Refusal(format: .q8, value: .infinity, error: .notFinite(index: 40)),
  ])
  func whatDoesNotFitIsRefused(refusal: Refusal) {
    var values = [Float](repeating: 1, count: 64)
    values[40] = refusal.value
    #expect(throws: refusal.error) { try statistics(refusal.format, values) }
  }

  /// Pieces of any whole number of blocks give the same bytes as the whole.
  @Test(arguments: TensorFormat.allCases) func piecesMakeNoDifference(format: TensorFormat) throws {
    let values = Self.weights(rows: 3)
    func encode(_ size: Int) throws -> [UInt8] {
      var encoder = TensorEncoder(format, shape: [1, values.count])
      var bytes: [UInt8] = []
      for start in stride(from: 0, to: values.count, by: size) {
        let piece = Array(values[start..<min(start + size, values.count)])
        try unsafe piece.withUnsafeBufferPointer {
          try unsafe encoder.encode($0) { unsafe bytes += $0 }
        }
      }
      try unsafe encoder.finish { unsafe bytes += $0 }
      return bytes
    }
    let whole = try encode(values.count)
    #expect(try encode(32) == whole)
    #expect(try encode(160) == whole)
    #expect(whole.count == format.byteCount(rows: 1, columns: values.count))
  }
}

/// What the table of formats says of each.
@Suite struct FormatTableTests {
  @Test func idsAndNamesAreUnique() {
    let formats = TensorFormat.allCases
    #expect(Set(formats.map(\.id)).count == formats.count)
    #expect(Set(formats.map(\.name)).count == formats.count)
    for format in formats {
      #expect(TensorFormat(id: format.id) == format)
      #expect(TensorFormat(name: format.name) == format)
    }
  }

  /// The finest comes first, whether by error or, with two of the same size, by bits.
  @Test func tableGoesFromFineToCoarse() {
    for (fine, coarse) in zip(TensorFormat.allCases, TensorFormat.allCases.dropFirst()) {
      #expect(fine.accuracy.leastSQNR > coarse.accuracy.leastSQNR)
      #expect(fine.traits.bitsPerWeight >= coarse.traits.bitsPerWeight)
    }
  }

  @Test(arguments: TensorFormat.allCases) func bitsAreThoseOfTheLayout(format: TensorFormat) {
    let bits = Double(8 * format.byteCount(rows: 1024, columns: 1024)) / Double(1 << 20)
    #expect(abs(bits / format.traits.bitsPerWeight - 1) < 0.01)
  }

  /// What a role allows: blocks for factors of products alone.
  @Test(arguments: TensorFormat.allCases) func blocksAreForProducts(format: TensorFormat) {
    #expect(format.isOnlyForProducts == (format.traits.blockSize > 1))
  }
}
