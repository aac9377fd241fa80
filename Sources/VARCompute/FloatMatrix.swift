/// A view [rows, columns] of a ``FloatBuffer``; its rows lie `stride` elements apart.
///
/// Copies share the buffer. Its bounds are checked when it is made.
@safe package struct FloatMatrix {
  /// The buffer that is viewed.
  package let buffer: FloatBuffer
  /// Index of the first element.
  package let offset: Int
  /// Number of rows.
  package let rows: Int
  /// Number of columns.
  package let columns: Int
  /// Elements between the beginnings of two rows, at least ``columns``.
  package let stride: Int

  /// Views a part of a buffer, which must hold it.
  package init(_ buffer: FloatBuffer, offset: Int = 0, rows: Int, columns: Int, stride: Int) {
    precondition(offset >= 0 && rows >= 0 && columns >= 0 && stride >= columns, "bad view")
    precondition(
      rows == 0 || offset + (rows - 1) * stride + columns <= buffer.count,
      "view [\(rows), \(columns)] from \(offset) exceeds the buffer's \(buffer.count) elements")
    self.buffer = buffer
    self.offset = offset
    self.rows = rows
    self.columns = columns
    self.stride = stride
  }

  /// The view of some of its rows.
  package func rows(_ range: Range<Int>) -> FloatMatrix {
    precondition(range.lowerBound >= 0 && range.upperBound <= rows, "rows out of range")
    return FloatMatrix(
      buffer, offset: offset + range.lowerBound * stride, rows: range.count, columns: columns,
      stride: stride)
  }

  /// The view of some of its columns.
  package func columns(_ range: Range<Int>) -> FloatMatrix {
    precondition(range.lowerBound >= 0 && range.upperBound <= columns, "columns out of range")
    return FloatMatrix(
      buffer, offset: offset + range.lowerBound, rows: rows, columns: range.count, stride: stride)
  }

  /// One element.
  package subscript(row: Int, column: Int) -> Float {
    get {
      precondition(row >= 0 && row < rows && column >= 0 && column < columns, "out of range")
      return buffer[offset + row * stride + column]
    }
    nonmutating set {
      precondition(row >= 0 && row < rows && column >= 0 && column < columns, "out of range")
      buffer[offset + row * stride + column] = newValue
    }
  }

  /// The elements as an array, [rows, columns].
  package var values: [Float] {
    (0..<rows).flatMap { buffer.array(offset + $0 * stride..<offset + $0 * stride + columns) }
  }

  /// Lends one row for reading.
  package func withRow<R>(_ row: Int, _ body: (Span<Float>) throws -> R) rethrows -> R {
    let start = offset + row * stride
    return try buffer.withSpan(in: start..<start + columns, body)
  }

  /// The first element; the buffer must be kept alive.
  var start: UnsafeMutablePointer<Float> { unsafe buffer.base + offset }
}
