/// How far a conversion has come.
public struct ConversionProgress: Equatable, Sendable {
  /// What is being done.
  public enum Phase: String, Equatable, Sendable {
    /// The weights are looked through.
    case examining
    /// The weights are copied to where they can be computed with.
    case copying
    /// The file is written.
    case converting
    /// A file is checked.
    case verifying
    /// Checkpoints are written.
    case exporting
  }

  /// What is being done.
  public let phase: Phase
  /// Values in all.
  public let total: Int
  /// Values done.
  public internal(set) var done = 0
  /// The tensor at work.
  public internal(set) var tensor = ""

  private let start = ContinuousClock.now

  /// Seconds since the phase began.
  public var seconds: Double { (ContinuousClock.now - start) / .seconds(1) }

  /// At the beginning.
  init(phase: Phase, total: Int) {
    self.phase = phase
    self.total = total
  }
}
