internal import TensorBytes

#if !_endian(little)
  #error("a .varq file is little-endian and used in place")
#endif

/// Turns the values of one tensor, which come piece by piece, into the bytes of its format.
///
/// Pieces hold whole rows (or, in ``TensorFormat/q8``, at least whole blocks of 32). What is kept
/// between them is small: the scales, a sixteenth of the values.
package struct TensorEncoder {
  /// How the values are stored.
  package let format: TensorFormat
  /// What storing them so has cost.
  package private(set) var statistics = QuantizationStatistics()
  private var scales: [UInt16] = []
  private var buffer: [UInt8] = []

  /// Begins a tensor.
  package init(_ format: TensorFormat) { self.format = format }

  /// Encodes the next values.
  ///
  /// - Parameter sink: Is given the bytes, which are valid during the call.
  /// - Throws: ``EncodingError`` with the index within the tensor, and what `sink` throws.
  package mutating func encode(
    _ values: UnsafeBufferPointer<Float>, _ sink: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    switch format {
    case .f32: try unsafe encodeFloats(values, sink)
    case .f16: try unsafe encodeHalves(values, HalfPrecision.f16, HalfPrecision.float(f16:), sink)
    case .bf16:
      try unsafe encodeHalves(values, HalfPrecision.bf16, HalfPrecision.float(bf16:), sink)
    case .q8: try unsafe encodeBlocks(values, sink)
    }
  }

  /// Gives the sink what follows the elements: in ``TensorFormat/q8`` padding and scales.
  package mutating func finish(_ sink: (UnsafeRawBufferPointer) throws -> Void) throws {
    guard format == .q8 else { return }
    let count = statistics.count
    let padding = [UInt8](repeating: 0, count: TensorFormat.scalesOffset(elements: count) - count)
    try unsafe padding.withUnsafeBytes(sink)
    try unsafe scales.withUnsafeBytes(sink)
  }

  private mutating func encodeFloats(
    _ values: UnsafeBufferPointer<Float>, _ sink: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    var signal = 0.0
    for index in values.indices {
      let value = unsafe values[index]
      guard value.isFinite else { throw EncodingError.notFinite(index: statistics.count + index) }
      signal += Double(value) * Double(value)
    }
    statistics.signal += signal
    statistics.count += values.count
    try unsafe sink(UnsafeRawBufferPointer(values))
  }

  @inline(__always) private mutating func encodeHalves(
    _ values: UnsafeBufferPointer<Float>, _ narrow: (Float) -> UInt16, _ widen: (UInt16) -> Float,
    _ sink: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    var halves = [UInt16](repeating: 0, count: values.count)
    for index in values.indices {
      let value = unsafe values[index]
      let half = narrow(value)
      let decoded = widen(half)
      guard decoded.isFinite else {
        guard value.isFinite else { throw EncodingError.notFinite(index: statistics.count) }
        throw EncodingError.outOfRange(format: format, index: statistics.count, value: value)
      }
      halves[index] = half
      statistics.add(value, decoded)
    }
    try unsafe halves.withUnsafeBytes(sink)
  }

  private mutating func encodeBlocks(
    _ values: UnsafeBufferPointer<Float>, _ sink: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    guard let base = values.baseAddress else { return }
    let size = TensorFormat.blockSize
    if buffer.count < values.count { buffer = [UInt8](repeating: 0, count: values.count) }
    let encodedCount = values.count / size * size
    for start in stride(from: 0, to: encodedCount, by: size) {
      let encoded = try unsafe encodeBlock(base + start)
      unsafe buffer.withUnsafeMutableBytes { bytes in
        unsafe bytes.storeBytes(of: encoded.low, toByteOffset: start, as: SIMD16<Int8>.self)
        unsafe bytes.storeBytes(of: encoded.high, toByteOffset: start + 16, as: SIMD16<Int8>.self)
      }
    }
    try unsafe buffer.withUnsafeBytes { bytes in
      try unsafe sink(UnsafeRawBufferPointer(rebasing: bytes[..<encodedCount]))
    }
  }

  @inline(__always) private mutating func encodeBlock(_ values: UnsafePointer<Float>) throws
    -> Q8Block.Encoded
  {
    let block = unsafe Q8Block(values)
    let maximum = Float(bitPattern: block.maximumBits)
    guard maximum.isFinite, let encoded = block.encode(maximum: maximum) else {
      throw unsafe reason(for: UnsafeBufferPointer(start: values, count: TensorFormat.blockSize))
    }
    scales.append(encoded.scale)
    statistics.count += TensorFormat.blockSize
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
      format: format, index: statistics.count + index, value: values[index])
  }
}

extension VarqWriter {
  /// Encodes all values of the current tensor; for small models, as in tests.
  /// - Returns: What the encoding has cost.
  @discardableResult package func append(_ values: [Float]) throws -> QuantizationStatistics {
    guard let plan = current else {
      throw VarqWriterError.byteCount(tensor: "after the last", planned: 0, written: values.count)
    }
    var encoder = TensorEncoder(plan.format)
    try unsafe values.withUnsafeBufferPointer { values in
      try unsafe encoder.encode(values) { try unsafe append($0) }
    }
    try unsafe encoder.finish { try unsafe append($0) }
    return encoder.statistics
  }
}
