import Foundation

/// Facts about the running program.
package enum Program {
  /// The version of both programs.
  package static let version = "0.1.0"

  /// The path of the running executable.
  package static var path: String {
    Bundle.main.executablePath ?? CommandLine.arguments.first ?? ""
  }
}
