import Foundation

/// Runs an actor's work on one thread of its own: long computations would starve the few threads that
/// all tasks of a program share.
final class ThreadExecutor: SerialExecutor {
  private let queue = JobQueue()

  /// Starts the thread.
  init(name: String) {
    let queue = queue
    let thread = Thread { queue.run() }
    thread.name = name
    // As much as a main thread has: the deepest calls are Foundation's JSON.
    thread.stackSize = 8 << 20
    thread.start()
  }

  deinit { queue.stop() }

  func enqueue(_ job: consuming ExecutorJob) {
    unsafe queue.append(UnownedJob(job), on: asUnownedSerialExecutor())
  }
}

/// Jobs that wait for the thread.
///
/// Sendable because the condition guards both variables; safe because a job stays alive until it has
/// run, and its executor as long as the job.
@safe private final class JobQueue: @unchecked Sendable {
  private let condition = NSCondition()
  private var jobs: [(job: UnownedJob, executor: UnownedSerialExecutor)] = unsafe []
  private var isStopped = false

  func append(_ job: UnownedJob, on executor: UnownedSerialExecutor) {
    condition.lock()
    unsafe jobs.append((job, executor))
    condition.signal()
    condition.unlock()
  }

  func stop() {
    condition.lock()
    isStopped = true
    condition.signal()
    condition.unlock()
  }

  /// Runs jobs until the executor is gone; those that are left then run first.
  func run() {
    while let (job, executor) = unsafe next() { unsafe job.runSynchronously(on: executor) }
  }

  private func next() -> (UnownedJob, UnownedSerialExecutor)? {
    condition.lock()
    defer { condition.unlock() }
    while unsafe jobs.isEmpty, !isStopped { condition.wait() }
    return unsafe jobs.isEmpty ? nil : jobs.removeFirst()
  }
}
