import CVARKernels
package import VARQuant

/// Constant f32 numbers, such as a bias or a norm's weights.
@safe package final class FloatVector: Sendable {
  /// The number of elements.
  package let count: Int
  // Sendable: written in init only, freed in deinit.
  nonisolated(unsafe) let base: UnsafeMutablePointer<Float>

  /// The memory that it holds.
  package var bytes: Int { count * MemoryLayout<Float>.stride }

  /// Copies numbers.
  package init(_ values: [Float]) {
    count = values.count
    unsafe base = .allocate(capacity: max(1, values.count))
    unsafe values.withUnsafeBufferPointer { source in
      guard let start = source.baseAddress else { return }
      unsafe base.initialize(from: start, count: source.count)
    }
  }

  /// Decodes all elements of a weight, of any format, row after row.
  package init(decoding matrix: WeightMatrix) {
    count = matrix.rows * matrix.columns
    unsafe base = .allocate(capacity: max(1, count))
    unsafe base.initialize(repeating: 0, count: count)
    unsafe matrix.withKernelWeights { weights in
      unsafe cvar_decode_rows(&weights, 0, matrix.rows, base, matrix.columns)
    }
  }

  deinit { unsafe base.deallocate() }

  /// One element.
  package subscript(index: Int) -> Float {
    precondition(index >= 0 && index < count, "index out of range")
    return unsafe base[index]
  }

  /// Lends elements for reading.
  package func withSpan<R, E: Error>(
    in range: Range<Int>? = nil, _ body: (Span<Float>) throws(E) -> R
  ) throws(E) -> R {
    let range = range ?? 0..<count
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "range out of bounds")
    return try unsafe body(
      Span(_unsafeStart: UnsafePointer(base + range.lowerBound), count: range.count))
  }
}
