import Foundation
import TensorBytes
import VARQuant

/// Numbers that look like weights or activations, the same for a seed on every machine.
struct Numbers: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed &+ 0x9e37_79b9_7f4a_7c15 }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  /// Roughly normal, with a tail: the sum of uniform numbers, one in 64 four times as large.
  mutating func array(_ count: Int) -> [Float] {
    (0..<count).map { index in
      let sum = (0..<4).reduce(Float(0)) { sum, _ in sum + Float.random(in: -1...1, using: &self) }
      return index % 64 == 17 ? 4 * sum : sum
    }
  }
}

/// A weight in a mapped file of its own, and the numbers that it stands for.
struct WeightFixture {
  let matrix: WeightMatrix
  /// [N, K], decoded here, not by the kernels.
  let values: [Float]

  init(_ format: TensorFormat, rows: Int, columns: Int, seed: UInt64) throws {
    var numbers = Numbers(seed: seed)
    let source = numbers.array(rows * columns).map { $0 / Float(columns).squareRoot() }
    try self.init(format, rows: rows, columns: columns, source)
  }

  /// The unit matrix in f32.
  init(unit size: Int) throws {
    let source = (0..<size * size).map { Float($0 % (size + 1) == 0 ? 1 : 0) }
    try self.init(.f32, rows: size, columns: size, source)
  }

  private init(_ format: TensorFormat, rows: Int, columns: Int, _ source: [Float]) throws {
    let (bytes, values) = Self.encode(source, format)
    self.values = values
    let path = FileManager.default.temporaryDirectory
      .appending(path: "weight-\(UUID().uuidString)").path(percentEncoded: false)
    let writer = try AtomicFileWriter(Outputs(reading: []).file(path))
    try writer.append(bytes)
    try writer.commit()
    defer { try? FileManager.default.removeItem(atPath: path) }
    let file = try MappedFile(path)
    guard
      let matrix = WeightMatrix(
        format: format, rows: rows, columns: columns, file: file, offset: 0)
    else { throw CocoaError(.coderInvalidValue) }
    self.matrix = matrix
  }

  private static func encode(
    _ source: [Float], _ format: TensorFormat
  ) -> (bytes: [UInt8], values: [Float]) {
    switch format {
    case .f32: (source.flatMap { little($0.bitPattern) }, source)
    case .f16:
      (
        source.flatMap { little(Float16($0).bitPattern) }, source.map { Float(Float16($0)) }
      )
    case .bf16:
      (
        source.flatMap { little(UInt16($0.bitPattern >> 16)) },
        source.map { Float(bitPattern: $0.bitPattern & 0xffff_0000) }
      )
    default: encodeQ8(source)
    }
  }

  private static func encodeQ8(_ source: [Float]) -> (bytes: [UInt8], values: [Float]) {
    var quants: [UInt8] = []
    var scales: [UInt8] = []
    var values: [Float] = []
    for start in stride(from: 0, to: source.count, by: TensorFormat.q8.traits.blockSize) {
      let block = source[start..<start + TensorFormat.q8.traits.blockSize]
      let scale = Float16((block.map(abs).max() ?? 0) / 127)
      for x in block {
        let quant = scale == 0 ? 0 : max(-127, min(127, (x / Float(scale)).rounded()))
        quants.append(UInt8(bitPattern: Int8(quant)))
        values.append(quant * Float(scale))
      }
      scales += little(scale.bitPattern)
    }
    quants += [UInt8](repeating: 0, count: (64 - quants.count % 64) % 64)
    return (quants + scales, values)
  }

  private static func little<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
    (0..<MemoryLayout<T>.size).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }
}

/// ‖result − expected‖ / ‖expected‖.
func relativeError(_ result: [Float], _ expected: [Double]) -> Double {
  let error = zip(result, expected).reduce(0) { $0 + pow(Double($1.0) - $1.1, 2) }
  let size = expected.reduce(0) { $0 + $1 * $1 }
  return size > 0 ? (error / size).squareRoot() : error.squareRoot()
}
