/// How far a conversion has come.
package struct ConversionProgress: Equatable, Sendable {
  /// What is being done.
  package enum Phase: String, Equatable, Sendable {
    /// The weights are looked through.
    case examining
    /// The file is written.
    case converting
    /// A file is checked.
    case verifying
    /// Checkpoints are written.
    case exporting
  }

  /// What is being done.
  package let phase: Phase
  /// Values in all.
  package let total: Int
  /// Values done.
  package internal(set) var done = 0
  /// The tensor at work.
  package internal(set) var tensor = ""

  private let start = ContinuousClock.now

  /// Seconds since the phase began.
  package var seconds: Double { (ContinuousClock.now - start) / .seconds(1) }

  /// At the beginning.
  init(phase: Phase, total: Int) {
    self.phase = phase
    self.total = total
  }
}
