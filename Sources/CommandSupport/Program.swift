import Foundation

/// Facts about the running program.
public enum Program {
  /// The version of both programs.
  public static let version = "0.1.0"

  /// The path of the running executable.
  public static var path: String {
    Bundle.main.executablePath ?? CommandLine.arguments.first ?? ""
  }
}
