internal import TensorBytes

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
      try unsafe dequantize(rows: range, into: buffer)
      count = range.count * columns
    }
  }

  /// Writes the values of rows of the matrix, [rows.count, K], into a buffer that has room for them.
  @unsafe func dequantize(rows: Range<Int>, into target: UnsafeMutableBufferPointer<Float>) throws {
    let first = rows.lowerBound * columns
    let count = rows.count * columns
    switch format {
    case .f32: try unsafe convert(.f32, first, count, target)
    case .f16: try unsafe convert(.f16, first, count, target)
    case .bf16: try unsafe convert(.bf16, first, count, target)
    case .q8: try unsafe dequantizeBlocks(first, count, target)
    }
  }

  private func convert(
    _ type: ElementType, _ first: Int, _ count: Int, _ target: UnsafeMutableBufferPointer<Float>
  ) throws {
    let start = data.lowerBound + first * type.byteWidth
    try unsafe file.withBytes(in: start..<start + count * type.byteWidth) {
      _ = unsafe type.convertToFloats($0, into: target)
    }
  }

  private func dequantizeBlocks(
    _ first: Int, _ count: Int, _ target: UnsafeMutableBufferPointer<Float>
  ) throws {
    guard let scales else { return }
    let size = TensorFormat.blockSize
    let start = data.lowerBound + first
    let scaleStart = scales.lowerBound + first / size * 2
    try unsafe file.withBytes(in: start..<start + count) { quants in
      try unsafe file.withBytes(in: scaleStart..<scaleStart + count / size * 2) { scales in
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
}

extension VarqTensor {
  /// The values of all elements, row-major in ``shape``.
  /// - Throws: `FileError`, which cannot happen for a tensor of an open ``VarqFile``.
  package func floats() throws -> [Float] { try matrix.floats() }
}
