internal import Platform
internal import TensorBytes

/// Bytes on the heap with a stable address; a size from a file that is too large is an error.
@safe final class HeapBytes: Sendable {
  let count: Int
  // Sendable: filled before it is shared, only read afterwards.
  private nonisolated(unsafe) let base: UnsafeMutableRawPointer

  /// Reserves bytes, which are not initialized.
  init(count: Int) throws(StorageError) {
    guard let base = unsafe malloc(max(1, count)) else { throw .outOfMemory(bytes: count) }
    self.count = count
    unsafe self.base = base
  }

  deinit { unsafe free(base) }

  /// The bytes, valid while this object is held.
  @unsafe var mutableBytes: UnsafeMutableRawBufferPointer {
    unsafe UnsafeMutableRawBufferPointer(start: base, count: count)
  }

  /// Lends the bytes.
  func withBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
    try withExtendedLifetime(self) { try unsafe body(UnsafeRawBufferPointer(mutableBytes)) }
  }
}

extension ByteReader {
  /// Reads bytes of the heap, which it keeps.
  init(_ content: HeapBytes) {
    unsafe self.init(owner: content, UnsafeRawBufferPointer(content.mutableBytes))
  }
}
