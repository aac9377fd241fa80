internal import TensorBytes

/// A format of codes of 3 to 6 bits: a table gives the int8 number that a code stands for, small
/// blocks share an int8 scale, and the blocks of a row a binary16 one.
///
/// `w = Float(values[code]) · (Float(scale8) · Float(row16))`; the inner product is exact.
/// The codes lie in two planes (one for 4 bits), each contiguous for the whole tensor; then come the
/// block scales and the row scales. See `formats/varq-v1.md`.
package protocol BlockFormat: FormatTraits {
  /// Bits of a code, 3 to 6.
  var bits: Int { get }
  /// What each code stands for, ascending.
  var values: [Int8] { get }
  /// Weights that share an int8 scale: 16 or 32.
  var scaleSize: Int { get }
}

extension BlockFormat {
  package var blockSize: Int { CodePlanes.blockSize }
  package var isOnlyForProducts: Bool { true }
  package var isInteger: Bool { true }
  // With a smaller maximum the row's scale has fewer than two bits left; what is lost before that,
  // the converter measures.
  package var range: FormatRange {
    FormatRange(
      smallestMaximum: Float(values.map(\.magnitude).max() ?? 0) * 127 * 0x1p-22,
      largestMagnitude: Float(values.last ?? 0) * 127 * Q8Block.largestScale)
  }
  /// A row of 1024 weights.
  package var bitsPerWeight: Double { Double(bits) + 8 / Double(scaleSize) + 16.0 / 1024 }

  /// Parts: the planes of the codes, then int8 [N, K / scaleSize], then binary16 [N].
  package func layout(rows: Int, columns: Int) -> FormatLayout {
    FormatLayout(
      sizes: CodePlanes(bits: bits).widths.map { rows * columns * $0 / 8 }
        + [rows * columns / scaleSize, 2 * rows])
  }

  package func encoder(rows: Int, columns: Int) -> any FormatEncoder {
    BlockEncoder(self, rows: rows, columns: columns)
  }

  @unsafe package func decode(
    _ matrix: WeightMatrix, rows: Range<Int>, into target: UnsafeMutableBufferPointer<Float>
  ) throws {
    for row in rows {
      let (codes, scales) = try content(of: matrix, row: row)
      let start = (row - rows.lowerBound) * matrix.columns
      for (index, code) in codes.enumerated() {
        unsafe target[start + index] =
          Float(values[Int(code)]) * scales.scale(index / scaleSize)
      }
    }
  }

  /// The codes and scales of a row as they lie in the file.
  func content(of matrix: WeightMatrix, row: Int) throws -> (codes: [UInt8], scales: RowScales) {
    let planes = CodePlanes(bits: bits)
    var codes = [UInt8](repeating: 0, count: matrix.columns)
    var shift = 0
    for (width, part) in zip(planes.widths, matrix.parts) {
      let size = matrix.columns * width / 8
      let start = part.lowerBound + row * size
      try unsafe matrix.file.withBytes(in: start..<start + size) {
        unsafe CodePlanes.unpack($0, width: width, shift: shift, into: &codes)
      }
      shift += width
    }
    let count = matrix.columns / scaleSize
    let part = matrix.parts[matrix.parts.count - 2].lowerBound + row * count
    let scale8 = try unsafe matrix.file.withBytes(in: part..<part + count) {
      unsafe $0.map { Int8(bitPattern: $0) }
    }
    let end = matrix.parts[matrix.parts.count - 1].lowerBound + 2 * row
    let row16 = try unsafe matrix.file.withBytes(in: end..<end + 2) {
      unsafe $0.loadUnaligned(as: UInt16.self)
    }
    return (codes, RowScales(row16: row16, scale8: scale8))
  }

  /// The first scale or code that the format forbids, row by row.
  package func defect(of matrix: WeightMatrix, named name: String) throws -> ContentDefect? {
    let zero = UInt8(1 << (bits - 1))
    for row in 0..<matrix.rows {
      let (codes, scales) = try content(of: matrix, row: row)
      guard scales.row16 < 0x7C00 else {
        return .rowScale(tensor: name, row: row, bits: scales.row16)
      }
      for (index, scale) in scales.scale8.enumerated() {
        let block = row * scales.scale8.count + index
        if scale == -128 || (scales.row16 == 0 && scale != 0) {
          return .blockScale(tensor: name, block: block, scale: scale)
        }
        guard scale == 0 else { continue }
        let range = index * scaleSize..<(index + 1) * scaleSize
        if let bad = range.first(where: { codes[$0] != zero }) {
          return .code(tensor: name, index: row * matrix.columns + bad, code: codes[bad])
        }
      }
    }
    return nil
  }
}

/// The scales of a row: int8 ones of its blocks, and what all of them are multiplied with.
package struct RowScales: Equatable, Sendable {
  /// A binary16, finite and not negative.
  package var row16: UInt16
  /// Within ±127.
  package var scale8: [Int8]

  /// Makes the scales of a row.
  package init(row16: UInt16, scale8: [Int8]) {
    self.row16 = row16
    self.scale8 = scale8
  }

  /// What the values of a block are multiplied with; exact, for it has at most 18 bits.
  package func scale(_ block: Int) -> Float {
    Float(scale8[block]) * HalfPrecision.float(f16: row16)
  }
}
