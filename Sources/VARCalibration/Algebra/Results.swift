internal import Platform
internal import VARCompute

/// What the tasks of a region of work return, each at its own place.
@safe final class Results<Value: Sendable>: @unchecked Sendable {
  // Unchecked: each task writes its own element, once, and the region ends before they are read.
  private let base: UnsafeMutablePointer<Result<Value, any Error>?>
  private let count: Int

  init(count: Int) {
    self.count = count
    unsafe base = .allocate(capacity: max(1, count))
    unsafe base.initialize(repeating: nil, count: count)
  }

  deinit {
    unsafe base.deinitialize(count: count)
    unsafe base.deallocate()
  }

  func set(_ index: Int, _ result: Result<Value, any Error>) {
    precondition(index >= 0 && index < count, "index out of range")
    unsafe base[index] = result
  }

  /// All values.
  /// - Throws: the error of the first task that has one.
  func get() throws -> [Value] {
    try (0..<count).compactMap { unsafe try base[$0]?.get() }
  }
}
