import CVARKernels

/// Persistent threads that share the tasks of a region of work.
///
/// A region costs well under a microsecond while the threads are awake; they spin for 50 µs after
/// their last task and then sleep. A region started from within a task runs on that thread alone;
/// regions of several threads take turns.
@safe package final class ThreadPool: Sendable {
  // Sendable: the C pool synchronises its regions itself; created in init, destroyed in deinit.
  nonisolated(unsafe) let pool: OpaquePointer

  /// The threads that work on a region, the calling one included.
  package let threads: Int

  /// The cores that this process may use: its affinity mask, limited by its control groups' quota.
  package static let usableCores = Int(cvar_usable_cores())

  /// Starts the threads; fewer where the system refuses some.
  /// - Parameter threads: at least 1; the usable cores when left out.
  /// - Throws: ``ComputeError/outOfMemory(bytes:)``.
  package init(threads: Int = usableCores) throws(ComputeError) {
    guard let pool = unsafe cvar_pool_create(max(1, threads)) else {
      throw .outOfMemory(bytes: 4096)
    }
    unsafe self.pool = pool
    self.threads = unsafe Int(cvar_pool_threads(pool))
  }

  deinit { unsafe cvar_pool_destroy(pool) }

  /// Runs `body` once for each task 0..<count, in any order and on any thread, and returns when
  /// all are done.
  package func parallel(_ count: Int, _ body: @Sendable (_ task: Int) -> Void) {
    withoutActuallyEscaping(body) { body in
      var context = Body(run: body)
      unsafe withUnsafeMutablePointer(to: &context) { pointer in
        unsafe run(count, scratch: 0, pointer) { context, task, _ in
          guard let context = unsafe context else { return }
          unsafe context.assumingMemoryBound(to: Body.self).pointee.run(task)
        }
      }
    }
  }

  private struct Body {
    let run: @Sendable (Int) -> Void
  }

  /// Runs a C task; `scratch` bytes are at each task's disposal.
  @unsafe func run(
    _ count: Int, scratch: Int, _ context: UnsafeMutableRawPointer, _ task: cvar_task
  ) {
    let status = unsafe cvar_pool_run(pool, count, task, context, scratch)
    precondition(status == 0, "scratch memory was reserved when the context was made")
  }

  /// Makes sure that later regions find this much scratch memory for each task.
  func reserve(scratch: Int) throws(ComputeError) {
    guard unsafe cvar_pool_run(pool, 1, { _, _, _ in }, nil, scratch) == 0 else {
      throw .outOfMemory(bytes: scratch * threads)
    }
  }
}
