import Foundation
internal import TensorBytes

/// One line on the standard error that tells how far a command is, rewritten in place.
///
/// It shows on a terminal only: pipes, files and test logs stay silent.
package final class ProgressLine {
  private let isEnabled: Bool
  private let start = ContinuousClock.now
  private var shown: ContinuousClock.Instant?
  private var isVisible = false
  /// How often the line is rewritten at most.
  private static let interval = Duration.milliseconds(100)

  /// Makes a line that shows nothing yet.
  package init() {
    isEnabled = isatty(STDERR_FILENO) == 1
  }

  /// Shows a text; calls that follow too fast are left out.
  /// - Parameters:
  ///   - fraction: how much of the work is done, for the time left; nil leaves that out.
  ///   - text: what is being done.
  package func update(_ fraction: Double? = nil, _ text: @autoclosure () -> String) {
    guard isEnabled else { return }
    let now = ContinuousClock.now
    if let shown, now - shown < Self.interval { return }
    shown = now
    isVisible = true
    Console.whisper("\r\u{1b}[K" + text().printable() + timeLeft(fraction, now))
  }

  /// Removes the line, before something else is printed.
  package func clear() {
    guard isVisible else { return }
    isVisible = false
    Console.whisper("\r\u{1b}[K")
  }

  deinit { clear() }

  private func timeLeft(_ fraction: Double?, _ now: ContinuousClock.Instant) -> String {
    guard let fraction, fraction > 0.01, fraction <= 1 else { return "" }
    let elapsed = (now - start) / .seconds(1)
    return ", " + Format.duration(elapsed / fraction - elapsed) + " left"
  }
}
