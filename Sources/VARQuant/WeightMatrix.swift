package import TensorBytes

/// A weight [N, K] in a mapped file, in the form in which the kernels take it.
///
/// Linear weights are [out, in]; of a convolution [Cout, kh, kw, Cin], N is Cout and K = kh·kw·Cin.
/// Everything was validated when the file was opened: the ranges lie within the file and have the
/// sizes that the format demands.
package struct WeightMatrix: Sendable {
  /// How the elements are stored.
  package let format: TensorFormat
  /// Rows, N: the outputs.
  package let rows: Int
  /// Columns, K: the inputs; a multiple of 32 in ``TensorFormat/q8``.
  package let columns: Int
  /// The file that the ranges index.
  package let file: MappedFile
  /// Bytes of the elements, [N, K] row-major, 64-byte aligned; the quants in ``TensorFormat/q8``.
  package let data: Range<Int>
  /// Bytes of the binary16 scales [N, K/32], 64-byte aligned; only in ``TensorFormat/q8``.
  package let scales: Range<Int>?

  /// All bytes of the tensor, for advice to the system about its pages.
  package var bytes: Range<Int> { data.lowerBound..<(scales?.upperBound ?? data.upperBound) }

  /// Views the bytes of a tensor that begins at `offset`; nil unless shape and file allow it.
  package init?(format: TensorFormat, rows: Int, columns: Int, file: MappedFile, offset: Int) {
    guard let count = try? Checked.product(of: [rows, columns]), offset >= 0, rows > 0,
      columns > 0, count <= TensorFormat.maximumElements, format.suits(shape: [rows, columns]),
      let end = try? Checked.add(offset, format.byteCount(elements: count)), end <= file.count
    else { return nil }
    self.format = format
    self.rows = rows
    self.columns = columns
    self.file = file
    if format == .q8 {
      data = offset..<offset + count
      scales = offset + TensorFormat.scalesOffset(elements: count)..<end
    } else {
      data = offset..<end
      scales = nil
    }
  }
}
