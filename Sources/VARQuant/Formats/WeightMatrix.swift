package import TensorBytes

/// A weight [N, K] in a mapped file, in the form in which the kernels take it.
///
/// Linear weights are [out, in]; of a convolution [Cout, kh, kw, Cin], N is Cout and K = kh·kw·Cin.
/// Everything was validated when the file was opened: the ranges lie within the file and have the
/// sizes that the format demands.
@safe package struct WeightMatrix: Sendable {
  /// How the elements are stored.
  package let format: TensorFormat
  /// Rows, N: the outputs.
  package let rows: Int
  /// Columns, K: the inputs; whole blocks of the format.
  package let columns: Int
  /// The file that the ranges index.
  package let file: MappedFile
  /// Bytes of the parts of the format's layout, each 64-byte aligned.
  package let parts: [Range<Int>]

  // Sendable: the pages are read-only and stay mapped as long as `file` lives.
  private nonisolated(unsafe) let start: UnsafeRawPointer

  /// Where a part lies in memory; valid while ``file`` is alive.
  /// - Parameter part: one of ``parts``.
  @unsafe package func address(of part: Range<Int>) -> UnsafeRawPointer {
    unsafe start + (part.lowerBound - parts[0].lowerBound)
  }

  /// Bytes of the elements, [N, K] row-major; the quants of a format with scales, or the codes' lower
  /// bits.
  package var data: Range<Int> { parts[0] }
  /// Bytes of the codes' other bits, where the format has a second plane.
  package var furtherBits: Range<Int>? { hasRowScales && parts.count > 3 ? parts[1] : nil }
  /// Bytes of the scales of blocks, where the format has them.
  package var blockScales: Range<Int>? {
    hasRowScales ? parts[parts.count - 2] : parts.count > 1 ? parts.last : nil
  }
  /// Bytes of the scales of rows, where the format has them.
  package var rowScales: Range<Int>? { hasRowScales ? parts.last : nil }
  private var hasRowScales: Bool { format.traits is any BlockFormat }
  /// All bytes of the tensor, for advice to the system about its pages.
  package var bytes: Range<Int> {
    parts[0].lowerBound..<(parts.last?.upperBound ?? parts[0].upperBound)
  }

  /// Views the bytes of a tensor that begins at `offset`; nil unless shape and file allow it.
  package init?(format: TensorFormat, rows: Int, columns: Int, file: MappedFile, offset: Int) {
    guard let count = try? Checked.product(of: [rows, columns]), offset >= 0, rows > 0,
      columns > 0, count <= TensorFormat.maximumElements, format.suits(shape: [rows, columns]),
      case let layout = format.traits.layout(rows: rows, columns: columns),
      let end = try? Checked.add(offset, layout.byteCount), end <= file.count,
      let start = unsafe try? file.unsafeBytes(in: offset..<end).baseAddress
    else { return nil }
    self.format = format
    self.rows = rows
    self.columns = columns
    self.file = file
    unsafe self.start = unsafe start
    parts = layout.parts.map { offset + $0.lowerBound..<offset + $0.upperBound }
  }
}

extension WeightMatrix {
  /// The values of all elements, [N, K] row-major, as `formats/varq-v1.md` defines them.
  /// - Throws: `FileError`, which cannot happen for a matrix of an open ``VarqFile``.
  package func floats() throws -> [Float] { try floats(rows: 0..<rows) }

  /// The values of some rows, [rows.count, K].
  ///
  /// - Precondition: `rows` are rows of the matrix; where they are not, the result is empty.
  /// - Throws: `FileError`, which cannot happen for a matrix of an open ``VarqFile``.
  package func floats(rows range: Range<Int>) throws -> [Float] {
    guard range.lowerBound >= 0, range.upperBound <= rows else { return [] }
    return try unsafe [Float](unsafeUninitializedCapacity: range.count * columns) { buffer, count in
      try unsafe format.traits.decode(self, rows: range, into: buffer)
      count = range.count * columns
    }
  }
}

extension VarqTensor {
  /// The values of all elements, row-major in ``shape``.
  /// - Throws: `FileError`, which cannot happen for a tensor of an open ``VarqFile``.
  package func floats() throws -> [Float] { try matrix.floats() }
}
