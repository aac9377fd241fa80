internal import CVARKernels
package import TensorBytes

/// A format whose elements are floating-point numbers, each by itself.
package protocol FloatingFormat: FormatTraits {
  /// The type of the elements.
  var type: ElementType { get }
}

extension FloatingFormat {
  package var bitsPerWeight: Double { Double(8 * type.byteWidth) }
  package var blockSize: Int { 1 }
  package var isOnlyForProducts: Bool { false }
  package var isInteger: Bool { false }

  package func layout(rows: Int, columns: Int) -> FormatLayout {
    FormatLayout(sizes: [rows * columns * type.byteWidth])
  }

  @unsafe package func decode(
    _ matrix: WeightMatrix, rows: Range<Int>, into target: UnsafeMutableBufferPointer<Float>
  ) throws {
    let width = matrix.columns * type.byteWidth
    let start = matrix.data.lowerBound + rows.lowerBound * width
    try unsafe matrix.file.withBytes(in: start..<start + rows.count * width) {
      _ = unsafe type.convertToFloats($0, into: target)
    }
  }

  /// The first value that is NaN or infinite.
  package func defect(of matrix: WeightMatrix, named name: String) throws -> ContentDefect? {
    for rows in (0..<matrix.rows).rowPieces(columns: matrix.columns) {
      if let index = try matrix.floats(rows: rows).firstIndex(where: { !$0.isFinite }) {
        return .notFinite(tensor: name, index: rows.lowerBound * matrix.columns + index)
      }
    }
    return nil
  }
}

/// Rounds to the format's elements, by a kernel that is the same at every level of the CPU.
struct FloatingEncoder: FormatEncoder {
  private(set) var statistics = QuantizationStatistics()
  private let format: TensorFormat
  private let type: ElementType
  private var halves: [UInt16] = []

  init(_ format: TensorFormat, _ type: ElementType) {
    self.format = format
    self.type = type
  }

  mutating func encode(
    _ values: UnsafeBufferPointer<Float>, _ sink: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    guard let first = values.baseAddress else { return }
    var totals = cvar_encoding_totals(
      signal: statistics.signal, noise: statistics.noise, error: statistics.maximumError)
    if type == .f32 {
      let count = unsafe cvar_encode_floats(
        Self.level, CVAR_FLOAT_F32, first, values.count, nil, &totals)
      guard count == values.count else { throw unsafe reason(for: values, from: count) }
      try unsafe sink(UnsafeRawBufferPointer(values))
    } else {
      if halves.count < values.count { halves = [UInt16](repeating: 0, count: values.count) }
      let kernel = type == .f16 ? CVAR_FLOAT_F16 : CVAR_FLOAT_BF16
      let count = unsafe cvar_encode_floats(
        Self.level, kernel, first, values.count, &halves, &totals)
      guard count == values.count else { throw unsafe reason(for: values, from: count) }
      try unsafe halves[..<values.count].withUnsafeBytes(sink)
    }
    statistics.count += values.count
    statistics.signal = totals.signal
    statistics.noise = totals.noise
    statistics.maximumError = totals.error
  }

  private static let level = cvar_level_best()

  /// Why values can't be encoded, of which those before `start` can.
  private func reason(for values: UnsafeBufferPointer<Float>, from start: Int) -> EncodingError {
    for index in start..<values.count {
      let value = unsafe values[index]
      let place = statistics.count + index
      guard value.isFinite else { return .notFinite(index: place) }
      guard abs(value) <= format.traits.range.largestMagnitude else {
        return .outOfRange(format: format, index: place, value: value)
      }
    }
    return .changed(index: statistics.count + start)
  }
}
