import CVARKernels
import Synchronization

/// Persistent threads that share the tasks of a region of work.
///
/// A region costs well under a microsecond while the threads are awake; they spin for 50 µs after
/// their last task and then sleep. A region started from within a task runs on that thread alone;
/// regions of several threads take turns.
@safe package final class ThreadPool: Sendable {
  // Sendable: the C pool synchronises its regions itself; created in init, destroyed in deinit.
  nonisolated(unsafe) let pool: OpaquePointer

  /// Kept alive while the C pool may ask it.
  private let abandonment = Mutex<Abandonment?>(nil)

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
      // Without scratch memory a region cannot fail.
      _ = unsafe withUnsafeMutablePointer(to: &context) { pointer in
        let task: cvar_task = { context, task, _ in
          guard let context = unsafe context else { return }
          unsafe context.assumingMemoryBound(to: Body.self).pointee.run(task)
        }
        return unsafe cvar_pool_run(pool, count, task, pointer, 0)
      }
    }
  }

  private struct Body {
    let run: @Sendable (Int) -> Void
  }

  /// Lets regions end early once a condition holds; what they compute is then undefined.
  ///
  /// - Parameter isCancelled: asked between any two tasks of a region, on the thread that started it,
  ///   which must ask the same before it uses a result; nil for never. Stays true once it was.
  package func abandonRegions(when isCancelled: (@Sendable () -> Bool)?) {
    abandonment.withLock { kept in
      let condition = isCancelled.map(Abandonment.init)
      let context = unsafe condition.map { unsafe Unmanaged.passUnretained($0).toOpaque() }
      unsafe cvar_pool_abandon_when(
        pool,
        { context in
          guard let context = unsafe context else { return false }
          return unsafe Unmanaged<Abandonment>.fromOpaque(context).takeUnretainedValue().holds()
        }, context)
      kept = condition
    }
  }

  private final class Abandonment: Sendable {
    let holds: @Sendable () -> Bool
    init(_ holds: @escaping @Sendable () -> Bool) { self.holds = holds }
  }

  /// The scratch memory that the threads hold: each as much as the largest region so far needed.
  package var bytes: Int { unsafe cvar_pool_scratch_held(pool) }

  /// What `threads` threads hold after a region that needs `scratch` bytes on each.
  package static func bytes(scratch: Int, threads: Int) -> Int {
    cvar_pool_scratch_bytes(scratch, threads)
  }

  /// Makes sure that later regions find this much scratch memory for each task.
  /// - Throws: ``ComputeError/outOfMemory(bytes:)``.
  package func reserve(scratch: Int) throws(ComputeError) {
    try check(unsafe cvar_pool_run(pool, 1, { _, _, _ in }, nil, scratch), scratch: scratch)
  }

  /// Refuses later regions more scratch memory than this, as a system without memory would; for tests
  /// of what happens then. Not while a region runs.
  package func limitScratch(to bytes: Int) { unsafe cvar_pool_limit_scratch(pool, bytes) }

  /// Turns the status of a kernel that needed `scratch` bytes on each thread into an error.
  func check(_ status: Int32, scratch: Int) throws(ComputeError) {
    guard status == 0 else {
      let (bytes, overflow) = scratch.multipliedReportingOverflow(by: threads)
      throw .outOfMemory(bytes: overflow ? .max : bytes)
    }
  }
}
