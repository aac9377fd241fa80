import TensorBytes
import TestSupport
import Testing
import VARQuant

/// The formats of 3 to 6 bits.
@Suite struct BlockFormatTests {
  static let formats: [TensorFormat] = [.q6, .q5, .q4, .q3]

  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func file(_ format: TensorFormat, _ shape: [Int], _ values: [Float]) throws -> VarqFile {
    let plans = [TensorPlan(name: "w", format: format, shape: shape)]
    return try VarqFile(SampleFile.write(folder, plans: plans, values: [values]))
  }

  private static func weights(_ count: Int) -> [Float] {
    (0..<count).map { Float(($0 * 7919) % 1013) / 4096 - 0.12 }
  }

  /// What a table's values times scales of 18 bits make is found again, but for the codes.
  @Test(arguments: formats) func everyCodeComesBack(format: TensorFormat) throws {
    let quantizer = try #require(BlockQuantizer(format))
    let values = quantizer.values
    let columns = 192
    let row = (0..<columns).map { Float(values[($0 * 5) % values.count]) * 0x1p-9 }
    let file = try file(format, [1, columns], row)
    #expect(file.minorVersion == 1)
    let error = zip(try file.tensors[0].floats(), row).map { abs($0 - $1) }.max() ?? 0
    // The row's scale is a binary16 at least as large as wanted, the blocks' are within half a step.
    #expect(error <= 127 * 0x1p-9 / 127 * 0.51)
  }

  @Test(arguments: formats) func codesAreTheNearest(format: TensorFormat) throws {
    let quantizer = try #require(BlockQuantizer(format))
    for step in -300...300 {
      let value = Float(step) * 0.4371
      for scale: Float in [1, -1] {
        let code = quantizer.code(value, scale: scale)
        let error = abs(value - quantizer.value(code) * scale)
        let least = quantizer.values.map { abs(value - Float($0) * scale) }.min() ?? 0
        #expect(error <= least + 1e-4, "\(value) is nearer to another value than \(code)")
      }
    }
  }

  /// Zero rows and blocks have one encoding, whose values are +0.
  @Test(arguments: formats) func zerosStayZeros(format: TensorFormat) throws {
    var values = Self.weights(3 * 64)
    for index in 64..<160 { values[index] = -0.0 }
    let file = try file(format, [3, 64], values)
    #expect(try file.defect(of: file.tensors[0]) == nil)
    let decoded = try file.tensors[0].floats()[64..<160]
    #expect(decoded.allSatisfy { $0 == 0 && $0.sign == .plus })
  }

  @Test func contentObeysItsRules() throws {
    let sound = try file(.q4, [1, 32], Self.weights(32))
    let range = sound.tensors[0].bytes
    let bytes = Array(try SampleFile.bytes(sound.path)[range])
    func defect(_ changes: [Int: UInt8]) throws -> ContentDefect? {
      var changed = bytes
      for (index, byte) in changes { changed[index] = byte }
      let path = folder.file("changed.varq")
      let writer = try VarqWriter(
        output(path), metadata: Metadata(),
        tensors: [TensorPlan(name: "w", format: .q4, shape: [1, 32])])
      try unsafe changed.withUnsafeBytes { try unsafe writer.append($0) }
      try writer.finish()
      let file = try VarqFile(path)
      return try file.defect(of: file.tensors[0])
    }
    #expect(try defect([:]) == nil)
    #expect(try defect([64: 0x80]) == .blockScale(tensor: "w", block: 0, scale: -128))
    #expect(try defect([128: 0, 129: 0, 64: 5]) == .blockScale(tensor: "w", block: 0, scale: 5))
    let infinite = 0x7C00 | UInt16(bytes[128])
    #expect(try defect([129: 0x7C]) == .rowScale(tensor: "w", row: 0, bits: infinite))
    #expect(try defect([129: 0x80, 128: 0]) == .rowScale(tensor: "w", row: 0, bits: 0x8000))
    let eights = Dictionary(uniqueKeysWithValues: (0..<16).map { ($0, UInt8(0x88)) })
    #expect(try defect(eights.merging([64: 0]) { $1 }) == nil)
    #expect(
      try defect(eights.merging([64: 0, 5: 0x18]) { $1 }) == .code(tensor: "w", index: 13, code: 1))
  }

  /// Importance moves the scale towards the weights that count.
  @Test func importanceCounts() throws {
    let quantizer = try #require(BlockQuantizer(.q3))
    let row = Self.weights(16)
    var importance = [Float](repeating: 0, count: 16)
    for index in 4..<8 { importance[index] = 1 }
    func error(_ scales: RowScales) -> Float {
      (4..<8).reduce(0) { sum, index in
        let code = quantizer.code(row[index], scale: scales.scale(0))
        let error = row[index] - quantizer.value(code) * scales.scale(0)
        return sum + error * error
      }
    }
    let (plain, weighted) = try unsafe row.withUnsafeBufferPointer { row in
      try unsafe importance.withUnsafeBufferPointer { importance in
        (
          unsafe try quantizer.scales(row),
          unsafe try quantizer.scales(row, importance: importance)
        )
      }
    }
    #expect(error(weighted) < error(plain))
  }

  /// One block of a row so many times larger than the others costs these decibels; none, nothing.
  @Test func spreadIsMeasured() throws {
    let quantizer = try #require(BlockQuantizer(.q4))
    func loss(_ factor: Float) throws -> Double {
      var loss = ScaleLoss()
      for row in 0..<16 {
        let weights = (0..<1024).map { index in
          Float(((row * 1024 + index) * 7919) % 1013) / 4096 - 0.12
        }
        let values = weights.enumerated().map { $0 < 32 ? factor * $1 : $1 }
        try unsafe values.withUnsafeBufferPointer { try unsafe loss.add($0, quantizer) }
      }
      return loss.decibels
    }
    let losses = try [1, 16, 64, 256].map { try loss($0) }
    print("q4: a block ×1, ×16, ×64, ×256 costs \(losses) dB")
    #expect(abs(losses[0]) < 0.1)
    #expect(losses[2] > 0.3)
    #expect(losses[3] > 5)
  }
}
