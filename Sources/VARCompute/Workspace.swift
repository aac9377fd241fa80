/// Memory that operations on feature maps share, one after another; it grows to the largest need.
///
/// Not Sendable: it serves one computation at a time.
@safe package final class Workspace {
  private var memory: FloatBuffer?

  /// An empty workspace.
  package init() {}

  /// The bytes it holds.
  package var bytes: Int { (memory?.count ?? 0) * MemoryLayout<Float>.stride }

  /// Gives the memory back to the system; the next operation takes what it needs anew.
  package func release() { memory = nil }

  /// At least this many bytes, page-aligned; contents undefined, valid until the next call.
  @unsafe func take(bytes: Int) throws(ComputeError) -> UnsafeMutableRawPointer {
    let count = (bytes + MemoryLayout<Float>.stride - 1) / MemoryLayout<Float>.stride
    if let memory, memory.count >= count { return unsafe UnsafeMutableRawPointer(memory.base) }
    memory = nil  // before the new memory is taken: the peak is one of them, not both
    let grown = try FloatBuffer(count: max(1, count))
    memory = grown
    return unsafe UnsafeMutableRawPointer(grown.base)
  }
}
