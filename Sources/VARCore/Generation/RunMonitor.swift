package import VARCompute

/// What the time of a run is counted under.
package enum Operation: Int, Sendable, CaseIterable {
  case layerNorm, qkv, cache, attention, projection, fc1, fc2, head, sampling, embedding

  /// What it does.
  package var title: String {
    switch self {
    case .layerNorm: "LN, modulation"
    case .qkv: "qkv"
    case .cache: "q/k norm, cache"
    case .attention: "attention"
    case .projection: "projection"
    case .fc1: "fc1, GELU"
    case .fc2: "fc2"
    case .head: "head"
    case .sampling: "guidance, sampling"
    case .embedding: "f̂, next input"
    }
  }
}

/// Watches a run: counts where its time goes, and ends it where it was cancelled.
///
/// The one place for both. Transformer, scale loop and image codec pass through it between any two
/// operations; within them the thread pool asks it between any two tasks, so that a cancelled run ends
/// within a task's time whatever its batch. Reading the clock twice takes some 50 ns.
package final class RunMonitor {
  /// Seconds by the wall clock, by operation.
  package private(set) var seconds = Array(repeating: 0.0, count: Operation.allCases.count)
  private let isCancelled: (@Sendable () -> Bool)?
  private let clock = ContinuousClock()

  /// Makes a monitor.
  /// - Parameters:
  ///   - isCancelled: asked often, and from the thread of the run; must be quick, and stay true.
  ///   - pool: ends its regions early, too.
  package init(isCancelled: (@Sendable () -> Bool)? = nil, within pool: ThreadPool? = nil) {
    self.isCancelled = isCancelled
    pool?.abandonRegions(when: isCancelled)
  }

  /// Ends the run if it was cancelled.
  /// - Throws: `CancellationError`.
  package func poll() throws { if isCancelled?() == true { throw CancellationError() } }

  /// Runs one operation and counts its time.
  /// - Throws: `CancellationError` before it runs and, since its results may be undefined then, after
  ///   it; what it throws.
  func measure<Result>(_ operation: Operation, _ body: () throws -> Result) throws -> Result {
    try poll()
    let start = clock.now
    defer { seconds[operation.rawValue] += (clock.now - start) / .seconds(1) }
    let result = try body()
    try poll()
    return result
  }

  /// Forgets what was counted.
  package func reset() {
    for index in seconds.indices { seconds[index] = 0 }
  }
}
