internal import Platform

/// f32 numbers in memory of their own, zero at first: activations, caches, images.
///
/// The memory is 64-byte aligned and taken from the system when first touched. Access is checked.
/// Not Sendable: a buffer belongs to one computation; kernels share it among threads themselves.
@safe package final class FloatBuffer {
  /// The number of elements.
  package let count: Int
  let base: UnsafeMutablePointer<Float>

  /// The memory that it may touch, in whole pages.
  package var bytes: Int { Self.bytes(count: count) }

  /// The memory of a buffer of `count` elements.
  package static func bytes(count: Int) -> Int {
    Memory.pages(max(1, count) * MemoryLayout<Float>.stride)
  }

  /// Allocates `count` zeros.
  /// - Throws: ``ComputeError/outOfMemory(bytes:)``.
  package init(count: Int) throws(ComputeError) {
    guard count >= 0, count < Int.max / 8 else { throw .outOfMemory(bytes: .max) }
    self.count = count
    unsafe base = try Memory.map(Self.bytes(count: count)).assumingMemoryBound(to: Float.self)
  }

  deinit { unsafe Memory.unmap(base, bytes) }

  /// Allocates a copy of `values`.
  /// - Throws: ``ComputeError/outOfMemory(bytes:)``.
  package convenience init(_ values: [Float]) throws(ComputeError) {
    try self.init(count: values.count)
    unsafe values.withUnsafeBufferPointer { source in
      guard let start = source.baseAddress else { return }
      unsafe base.update(from: start, count: source.count)
    }
  }

  /// One element.
  package subscript(index: Int) -> Float {
    get {
      precondition(index >= 0 && index < count, "index out of range")
      return unsafe base[index]
    }
    set {
      precondition(index >= 0 && index < count, "index out of range")
      unsafe base[index] = newValue
    }
  }

  /// Lends elements for reading.
  package func withSpan<R, E: Error>(
    in range: Range<Int>? = nil, _ body: (Span<Float>) throws(E) -> R
  ) throws(E) -> R {
    let range = checked(range)
    return try unsafe body(
      Span(_unsafeStart: UnsafePointer(base + range.lowerBound), count: range.count))
  }

  /// Lends elements for reading and writing.
  package func withMutableSpan<R, E: Error>(
    in range: Range<Int>? = nil, _ body: (inout MutableSpan<Float>) throws(E) -> R
  ) throws(E) -> R {
    let range = checked(range)
    var span = unsafe MutableSpan(_unsafeStart: base + range.lowerBound, count: range.count)
    return try body(&span)
  }

  /// The elements of a range as an array.
  package func array(_ range: Range<Int>? = nil) -> [Float] {
    let range = checked(range)
    return unsafe Array(UnsafeBufferPointer(start: base + range.lowerBound, count: range.count))
  }

  /// A view [rows, columns] that begins at `offset`; its rows lie `stride` elements apart.
  package func matrix(
    offset: Int = 0, rows: Int, columns: Int, stride: Int? = nil
  ) -> FloatMatrix {
    FloatMatrix(self, offset: offset, rows: rows, columns: columns, stride: stride ?? columns)
  }

  /// Writes zeros over all elements.
  package func zero() { unsafe base.update(repeating: 0, count: count) }

  private func checked(_ range: Range<Int>?) -> Range<Int> {
    let range = range ?? 0..<count
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "range out of bounds")
    return range
  }
}

/// Pages from the system, zero at first.
enum Memory {
  static func map(_ bytes: Int) throws(ComputeError) -> UnsafeMutableRawPointer {
    let address = unsafe mmap(
      nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let address = unsafe address, unsafe address != MAP_FAILED else {
      throw .outOfMemory(bytes: bytes)
    }
    #if os(Linux)
      // Rows of activations lie a page apart: huge pages spare the kernels a miss for each of them.
      if bytes >= 1 << 21 { _ = unsafe madvise(address, bytes, MADV_HUGEPAGE) }
    #endif
    return unsafe address
  }

  static func unmap(_ address: UnsafeMutableRawPointer, _ bytes: Int) {
    unsafe munmap(address, bytes)
  }

  /// Bytes in whole pages.
  static func pages(_ bytes: Int) -> Int { (bytes + page - 1) / page * page }

  private static let page = Int(sysconf(Int32(_SC_PAGESIZE)))
}
