internal import CVARKernels
internal import TensorBytes

extension TensorFormat {
  /// 8-bit integers within ±127, one binary16 scale for 32 elements of a row.
  package static let q8 = TensorFormat(Q8())
}

/// 8-bit integers within ±127, one binary16 scale for 32 elements of a row: quants [N, K], then
/// scales [N, K/32].
package struct Q8: FormatTraits {
  package let id: UInt16 = 16
  package let kernelCode: UInt32 = 3
  package let name = "q8"
  package let bitsPerWeight = 8.5
  package let blockSize = Q8.size
  package let isOnlyForProducts = true
  package let isInteger = true
  package let range = FormatRange(
    smallestMaximum: 127 * 0x1p-18, largestMagnitude: 127 * Q8Block.largestScale)
  package let accuracy = FormatAccuracy(
    leastSQNR: 30, typicalSQNR: 44, stream: 4e-2, decoder: 4e-2, features: 1e-2, divergence: 5e-3,
    agreement: 0.4)

  /// Elements that share a scale.
  static let size = 32

  package func layout(rows: Int, columns: Int) -> FormatLayout {
    FormatLayout(sizes: [rows * columns, rows * columns / Self.size * 2])
  }

  package func encoder(rows: Int, columns: Int) -> any FormatEncoder {
    Q8Encoder(layout(rows: rows, columns: columns))
  }

  @unsafe package func decode(
    _ matrix: WeightMatrix, rows: Range<Int>, into target: UnsafeMutableBufferPointer<Float>
  ) throws {
    let size = Self.size
    let (first, count) = (rows.lowerBound * matrix.columns, rows.count * matrix.columns)
    let start = matrix.parts[0].lowerBound + first
    let scaleStart = matrix.parts[1].lowerBound + first / size * 2
    try unsafe matrix.file.withBytes(in: start..<start + count) { quants in
      try unsafe matrix.file.withBytes(in: scaleStart..<scaleStart + count / size * 2) { scales in
        for block in 0..<count / size {
          let bits = unsafe scales.loadUnaligned(fromByteOffset: 2 * block, as: UInt16.self)
          let scale = HalfPrecision.float(f16: bits)
          for index in block * size..<(block + 1) * size {
            unsafe target[index] = Float(Int8(bitPattern: quants[index])) * scale
          }
        }
      }
    }
  }

  /// The first quant or scale that the format forbids.
  package func defect(of matrix: WeightMatrix, named name: String) throws -> ContentDefect? {
    try unsafe matrix.file.withBytes(in: matrix.parts[0]) { quants in
      try unsafe matrix.file.withBytes(in: matrix.parts[1]) { scales in
        unsafe Self.defect(name, quants, scales)
      }
    }
  }

  private static func defect(
    _ name: String, _ quants: UnsafeRawBufferPointer, _ scales: UnsafeRawBufferPointer
  ) -> ContentDefect? {
    for block in 0..<scales.count / 2 {
      let bits = unsafe scales.loadUnaligned(fromByteOffset: 2 * block, as: UInt16.self)
      guard bits < 0x7C00 else { return .scale(tensor: name, block: block, bits: bits) }
      let range = block * size..<(block + 1) * size
      let bad = range.first { unsafe bits == 0 ? quants[$0] != 0 : quants[$0] == 0x80 }
      if let bad {
        return unsafe .quant(tensor: name, index: bad, quant: Int8(bitPattern: quants[bad]))
      }
    }
    return nil
  }
}

/// Searches the scale of each block; what is kept to the end is the scales, a sixteenth of the values.
private struct Q8Encoder: FormatEncoder {
  private(set) var statistics = QuantizationStatistics()
  private let layout: FormatLayout
  private var scales: [UInt16] = []
  private var buffer: [UInt8] = []

  init(_ layout: FormatLayout) { self.layout = layout }

  mutating func encode(
    _ values: UnsafeBufferPointer<Float>, _ sink: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    guard let base = values.baseAddress else { return }
    let size = Q8.size
    if buffer.count < values.count { buffer = [UInt8](repeating: 0, count: values.count) }
    let blocks = values.count / size
    let encodedCount = blocks * size
    let firstScale = scales.count
    scales.append(contentsOf: repeatElement(0, count: blocks))
    var block = 0
    while block < blocks {
      block += unsafe encodeBlocks(base + block * size, blocks - block, at: block, firstScale)
      guard block < blocks else { break }
      // What the kernel leaves: zeros, very small and very large numbers, errors.
      let encoded = try unsafe encodeBlock(base + block * size)
      scales[firstScale + block] = encoded.scale
      unsafe buffer.withUnsafeMutableBytes { bytes in
        let start = block * size
        unsafe bytes.storeBytes(of: encoded.low, toByteOffset: start, as: SIMD16<Int8>.self)
        unsafe bytes.storeBytes(of: encoded.high, toByteOffset: start + 16, as: SIMD16<Int8>.self)
      }
      block += 1
    }
    try unsafe buffer.withUnsafeBytes { bytes in
      try unsafe sink(UnsafeRawBufferPointer(rebasing: bytes[..<encodedCount]))
    }
  }

  /// Encodes blocks by the kernel; the same bits as ``encodeBlock(_:)``.
  /// - Parameters:
  ///   - first: the first of them in the buffer.
  ///   - firstScale: where the scales of the buffer's blocks begin.
  /// - Returns: how many it has encoded, until one that it leaves.
  private mutating func encodeBlocks(
    _ values: UnsafePointer<Float>, _ blocks: Int, at first: Int, _ firstScale: Int
  ) -> Int {
    var totals = cvar_encoding_totals(
      signal: statistics.signal, noise: statistics.noise, error: statistics.maximumError)
    let encoded = unsafe scales.withUnsafeMutableBufferPointer { scales in
      unsafe buffer.withUnsafeMutableBytes { buffer in
        guard let scales = scales.baseAddress, let bytes = buffer.baseAddress else { return 0 }
        let quants = unsafe bytes.assumingMemoryBound(to: Int8.self) + first * Q8.size
        return unsafe cvar_encode_q8(
          Self.level, values, blocks, quants, scales + firstScale + first, &totals)
      }
    }
    statistics.count += encoded * Q8.size
    statistics.signal = totals.signal
    statistics.noise = totals.noise
    statistics.maximumError = totals.error
    return encoded
  }

  private static let level = cvar_level_best()

  /// Padding and scales.
  mutating func finish(_ sink: (UnsafeRawBufferPointer) throws -> Void) throws {
    let gap = layout.parts[1].lowerBound - layout.parts[0].upperBound
    try unsafe [UInt8](repeating: 0, count: gap).withUnsafeBytes(sink)
    try unsafe scales.withUnsafeBytes(sink)
  }

  @inline(__always) private mutating func encodeBlock(_ values: UnsafePointer<Float>) throws
    -> Q8Block.Encoded
  {
    let block = unsafe Q8Block(values)
    let maximum = Float(bitPattern: block.maximumBits)
    guard maximum.isFinite, let encoded = block.encode(maximum: maximum) else {
      throw unsafe reason(for: UnsafeBufferPointer(start: values, count: Q8.size))
    }
    statistics.count += Q8.size
    statistics.signal += Double(block.signal)
    statistics.noise += Double(encoded.noise)
    statistics.maximumError = max(statistics.maximumError, encoded.maximumError)
    return encoded
  }

  /// Why the block whose first element is the next one cannot be encoded.
  private func reason(for values: UnsafeBufferPointer<Float>) -> EncodingError {
    if let index = unsafe values.firstIndex(where: { !$0.isFinite }) {
      return .notFinite(index: statistics.count + index)
    }
    let index = values.indices.max { unsafe abs(values[$0]) < abs(values[$1]) } ?? 0
    return unsafe .outOfRange(
      format: .q8, index: statistics.count + index, value: values[index])
  }
}
