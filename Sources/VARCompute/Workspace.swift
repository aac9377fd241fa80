/// Memory that operations share, one after another; it grows to the largest need.
///
/// Not Sendable: it serves one computation at a time.
@safe package final class Workspace {
  private var memory: FloatBuffer?

  /// An empty workspace.
  package init() {}

  /// The memory it holds, in whole pages.
  package var bytes: Int { memory?.bytes ?? 0 }

  /// The memory it holds when operations ask for `need` bytes at most.
  static func bytes(need: Int) -> Int { FloatBuffer.bytes(count: count(need)) }

  private static func count(_ bytes: Int) -> Int {
    max(1, (bytes + MemoryLayout<Float>.stride - 1) / MemoryLayout<Float>.stride)
  }

  /// Gives the memory back to the system; the next operation takes what it needs anew.
  package func release() { memory = nil }

  /// At least this many bytes, page-aligned, valid until the next call; zeros at first, then
  /// undefined.
  /// - Throws: ``ComputeError/outOfMemory(bytes:)``.
  @unsafe package func take(bytes: Int) throws(ComputeError) -> UnsafeMutableRawPointer {
    let count = Self.count(bytes)
    if let memory, memory.count >= count { return unsafe UnsafeMutableRawPointer(memory.base) }
    memory = nil  // before the new memory is taken: the peak is one of them, not both
    let grown = try FloatBuffer(count: count)
    memory = grown
    return unsafe UnsafeMutableRawPointer(grown.base)
  }
}
