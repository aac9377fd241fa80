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

/// Rounds to 16 bits: what the encoders of such formats have in common.
///
/// The conversions are parameters of an inlined function, not of a type: a generic type that is only
/// reached through a protocol is not specialised, and would call them for every value.
struct HalfRounding {
  private(set) var statistics = QuantizationStatistics()
  private let format: TensorFormat

  init(_ format: TensorFormat) { self.format = format }

  @inline(__always) mutating func encode(
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
}
