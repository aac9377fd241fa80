/// Why a computation could not be set up.
package enum ComputeError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The system gave no memory.
  case outOfMemory(bytes: Int)
  /// The level needs instructions that this CPU, or its operating system, lacks.
  case levelUnavailable(CPULevel, available: [CPULevel])

  /// What is wrong and what to do.
  package var description: String {
    switch self {
    case .outOfMemory(let bytes):
      "no memory for \(bytes) bytes; generate fewer images at once or use a smaller model"
    case .levelUnavailable(let level, let available):
      "this CPU lacks the level \(level.rawValue); it has "
        + available.map(\.rawValue).joined(separator: ", ")
    }
  }
}
