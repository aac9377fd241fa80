import Foundation

/// What a finished program left behind.
public struct CommandResult: Sendable {
  /// Exit status, or 128 + the signal that ended it.
  public let status: Int32
  /// Everything that it wrote to its standard output, as bytes.
  public let output: [UInt8]
  /// Everything that it wrote to its standard error.
  public let errors: String

  /// The standard output as text.
  public var text: String { String(decoding: output, as: UTF8.self) }
}

/// Runs the built programs as a user would.
public enum CommandRunner {
  /// The folder of the built programs: where the running test bundle is.
  public static let binaries: String = {
    var url = URL(filePath: CommandLine.arguments[0]).standardizedFileURL
    for _ in 0..<6 {
      url.deleteLastPathComponent()
      let candidate = url.path(percentEncoded: false) + "var-run"
      if FileManager.default.isExecutableFile(atPath: candidate) {
        return url.path(percentEncoded: false)
      }
    }
    return Repository.root + "/.build/release/"
  }()

  /// Runs `var-run` or `var-convert` to its end.
  /// - Parameters:
  ///   - program: `var-run` or `var-convert`.
  ///   - folder: the working folder; the checkout's root if nil.
  ///   - environment: what differs from the tests' own environment.
  public static func run(
    _ program: String, _ arguments: [String], in folder: String? = nil,
    environment: [String: String] = [:]
  ) throws -> CommandResult {
    try execute(binaries + program, arguments, in: folder, environment: environment)
  }

  /// Runs a script by `bash -eu` with the built programs first on PATH.
  public static func shell(
    _ script: String, in folder: String, environment: [String: String] = [:]
  ) throws -> CommandResult {
    let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
    var environment = environment
    environment["PATH"] = binaries + ":" + path
    return try execute(
      "/bin/bash", ["-eu", "-o", "pipefail", "-c", script], in: folder, environment: environment)
  }

  private static func execute(
    _ executable: String, _ arguments: [String], in folder: String?,
    environment: [String: String]
  ) throws -> CommandResult {
    // Files, not pipes: a full pipe that nobody reads would block the program.
    let scratch = try TemporaryFolder()
    let process = Process()
    process.executableURL = URL(filePath: executable)
    process.arguments = arguments
    process.currentDirectoryURL = URL(filePath: folder ?? Repository.root)
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = try handle(scratch.file("output"))
    process.standardError = try handle(scratch.file("errors"))
    try process.run()
    process.waitUntilExit()
    let signalled = process.terminationReason == .uncaughtSignal
    return CommandResult(
      status: process.terminationStatus + (signalled ? 128 : 0),
      output: [UInt8](try Data(contentsOf: URL(filePath: scratch.file("output")))),
      errors: String(
        decoding: try Data(contentsOf: URL(filePath: scratch.file("errors"))), as: UTF8.self))
  }

  private static func handle(_ path: String) throws -> FileHandle {
    _ = FileManager.default.createFile(atPath: path, contents: nil)
    return try FileHandle(forWritingTo: URL(filePath: path))
  }
}
