internal import Platform
package import VARCompute

/// f32 numbers, zero at first, that the tasks of a region of work write to at the same time.
@safe package final class SharedFloats: @unchecked Sendable {
  // Unchecked: the tasks of a region write to disjoint parts, and a region ends before another reads.
  /// Number of elements.
  package let count: Int
  let base: UnsafeMutablePointer<Float>

  /// Allocates zeros, which take memory when they are first touched.
  /// - Throws: `ComputeError.outOfMemory`.
  package init(count: Int) throws(ComputeError) {
    self.count = count
    guard let memory = unsafe calloc(max(1, count), MemoryLayout<Float>.stride) else {
      throw .outOfMemory(bytes: 4 * count)
    }
    unsafe base = memory.bindMemory(to: Float.self, capacity: max(1, count))
  }

  /// Allocates a copy.
  package convenience init(_ values: [Float]) throws(ComputeError) {
    try self.init(count: values.count)
    unsafe values.withUnsafeBufferPointer { source in
      guard let start = source.baseAddress else { return }
      unsafe base.update(from: start, count: source.count)
    }
  }

  deinit { unsafe free(base) }

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

  /// All elements.
  package var array: [Float] { unsafe Array(UnsafeBufferPointer(start: base, count: count)) }
}

/// Bytes that the tasks of a region of work write to at the same time.
@safe package final class SharedBytes: @unchecked Sendable {
  // Unchecked: the tasks of a region write to disjoint parts, and a region ends before another reads.
  package let count: Int
  let base: UnsafeMutablePointer<UInt8>

  /// Allocates zeros.
  /// - Throws: `ComputeError.outOfMemory`.
  init(count: Int) throws(ComputeError) {
    self.count = count
    guard let memory = unsafe calloc(max(1, count), 1) else { throw .outOfMemory(bytes: count) }
    unsafe base = memory.bindMemory(to: UInt8.self, capacity: max(1, count))
  }

  /// All bytes.
  package var array: [UInt8] { unsafe Array(UnsafeBufferPointer(start: base, count: count)) }

  deinit { unsafe free(base) }
}
