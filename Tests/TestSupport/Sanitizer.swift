import Foundation

/// Whether the tests run under ThreadSanitizer or AddressSanitizer (`make test-tsan`, `make test-asan`).
public enum Sanitizer {
  /// Then nothing is said of the time and memory that a program takes, nor of signals and limits that
  /// the sanitizer handles itself.
  public static let isOn = ProcessInfo.processInfo.environment["VAR_SANITIZER"] != nil
}
