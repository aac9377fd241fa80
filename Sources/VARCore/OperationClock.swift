/// What the time of a transformer's run is counted under.
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

/// Adds up the time of a run's operations; reading the clock twice takes some 50 ns.
final class OperationClock {
  /// Seconds by the wall clock, by operation.
  private(set) var seconds = Array(repeating: 0.0, count: Operation.allCases.count)
  private let clock = ContinuousClock()

  /// Runs `body` and counts its time.
  func measure<Result>(_ operation: Operation, _ body: () throws -> Result) rethrows -> Result {
    let start = clock.now
    defer { seconds[operation.rawValue] += (clock.now - start).inSeconds }
    return try body()
  }

  /// Forgets what was counted.
  func reset() {
    for index in seconds.indices { seconds[index] = 0 }
  }
}

extension Duration {
  /// The duration as seconds.
  var inSeconds: Double {
    Double(components.seconds) + Double(components.attoseconds) * 1e-18
  }
}
