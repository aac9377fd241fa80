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
    let (bytes, values) = Self.encode(source, format, columns)
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
    _ source: [Float], _ format: TensorFormat, _ columns: Int
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
    case .q8: encodeQ8(source)
    default: encodeCodes(source, format, columns)
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

  /// Codes of 3 to 6 bits, placed by the words of the format's text.
  private static func encodeCodes(
    _ source: [Float], _ format: TensorFormat, _ columns: Int
  ) -> (bytes: [UInt8], values: [Float]) {
    guard let quantizer = BlockQuantizer(format) else { return ([], []) }
    let rows = source.count / columns
    let size = quantizer.scaleSize
    let parts = format.traits.layout(rows: rows, columns: columns).parts
    var bytes = [UInt8](repeating: 0, count: parts.last?.upperBound ?? 0)
    var values: [Float] = []
    for row in 0..<rows {
      let row16 = Float16(0x1p-12) * Float16(1 + row % 7)
      let place16 = parts[parts.count - 1].lowerBound + 2 * row
      bytes.replaceSubrange(place16..<place16 + 2, with: little(row16.bitPattern))
      for block in 0..<columns / size {
        let start = row * columns + block * size
        let largest = source[start..<start + size].map(abs).max() ?? 0
        let wanted = (largest / 100 / Float(row16)).rounded() * (block % 3 == 0 ? -1 : 1)
        let scale8 = Int8(max(-127, min(127, wanted)))
        bytes[parts[parts.count - 2].lowerBound + row * (columns / size) + block] =
          UInt8(bitPattern: scale8)
        let scale = Float(scale8) * Float(row16)
        for index in start..<start + size {
          let code = quantizer.code(source[index], scale: scale)
          values.append(quantizer.value(code) * scale)
          place(code, at: index, quantizer.values.count, parts, &bytes)
        }
      }
    }
    return (bytes, values)
  }

  /// `count`: of the codes that there are.
  private static func place(
    _ code: UInt8, at index: Int, _ count: Int, _ parts: [Range<Int>], _ bytes: inout [UInt8]
  ) {
    let (group, quad, element) = (index / 32, index % 32 / 4, index % 4)
    if count == 8 {
      bytes[parts[0].lowerBound + 8 * group + 4 * (quad / 4) + element] |=
        (code & 3) << (2 * (quad % 4))
      bytes[parts[1].lowerBound + 4 * group + element] |= (code >> 2) << quad
      return
    }
    bytes[parts[0].lowerBound + 16 * group + 4 * (quad / 2) + element] |=
      (code & 15) << (4 * (quad % 2))
    if count == 32 { bytes[parts[1].lowerBound + 4 * group + element] |= (code >> 4) << quad }
    if count == 64 {
      bytes[parts[1].lowerBound + 8 * group + 4 * (quad / 4) + element] |=
        (code >> 4) << (2 * (quad % 4))
    }
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
