internal import ArgumentParser
package import VARCompute

/// The values of `--cpu-level`: every level that kernels are written for.
package struct CPULevelChoice: ExpressibleByArgument {
  /// The level.
  package let level: CPULevel

  /// Takes a level's name.
  package init?(argument: String) {
    guard let level = CPULevel(rawValue: argument) else { return nil }
    self.level = level
  }

  /// The level's name.
  package var defaultValueDescription: String { level.rawValue }

  /// All names.
  package static var allValueStrings: [String] { CPULevel.allCases.map(\.rawValue) }
}
