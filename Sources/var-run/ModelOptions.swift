import ArgumentParser
import CommandSupport
import Foundation
import VAR
import VARCompute
import VARCore
import VARQuant

/// Which model, and how to compute it.
struct ModelOptions: ParsableArguments {
  @Option(
    name: [.short, .long],
    help: ArgumentHelp(
      "The model, a .varq file. (default: $VAR_MODEL, else the demo model)", valueName: "file"),
    completion: .file(extensions: ["varq"]))
  var model: String?

  @Flag(
    help: "Check every tensor's checksum before the model is used: half a second for VAR-d16.")
  var verify = false

  @Option(
    help: """
      How matrices are multiplied: exactly (f32), or faster with rounded inputs (bf16, int8). auto \
      is bf16 where the CPU is fast at it, else f32.
      """)
  var compute: ComputeChoice = .auto

  @Option(help: "Threads to use. (default: the cores that this process may use)")
  var threads: Int?

  @Option(
    help: ArgumentHelp(
      "Instruction set to use, for tests and bug reports. (default: the best of this CPU)",
      valueName: "level"))
  var cpuLevel: CPULevelChoice?

  func validate() throws {
    if let threads, !(1...1024).contains(threads) {
      throw ValidationError("--threads must be 1 to 1024, but is \(threads).")
    }
  }

  /// Finds and opens the model.
  func open() throws -> Model { try open(path()) }

  /// Opens this model or another one that the command reads, and checks it if that was asked for.
  func open(_ path: String) throws -> Model {
    let model = try Model(path: path)
    if verify { try model.file.checkContents() }
    return model
  }

  /// Where the model is.
  func path() throws -> String {
    let locator = ModelLocator(
      named: model, environment: ProcessInfo.processInfo.environment["VAR_MODEL"],
      executable: Program.path, folder: FileManager.default.currentDirectoryPath)
    return try locator.path()
  }

  /// Threads, instruction set and arithmetic.
  /// - Parameters:
  ///   - recorded: the mode that a picture was made in, for when none is asked for.
  ///   - recordedLevel: its instruction set likewise.
  func context(
    recorded: ComputeMode? = nil, level recordedLevel: CPULevel? = nil
  ) throws -> Compute {
    try Compute(
      mode: compute.mode ?? recorded, level: cpuLevel?.level ?? recordedLevel ?? .best,
      threads: threads ?? ThreadPool.usableCores)
  }
}

/// The values of `--compute`.
enum ComputeChoice: String, ExpressibleByArgument, CaseIterable {
  case auto
  case f32
  case bf16
  case int8

  /// The mode, nil to choose by the CPU.
  var mode: ComputeMode? {
    switch self {
    case .auto: nil
    case .f32: .f32
    case .bf16: .bf16
    case .int8: .int8
    }
  }
}
