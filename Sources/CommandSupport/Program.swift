package import ArgumentParser
internal import CMemoryRefusal
internal import CTemporaries
import Foundation
internal import Platform
import TensorBytes

/// How a command line program runs: the same beginning, the same end, one way to fail.
package enum Program {
  /// The path of the running executable.
  package static var path: String {
    Bundle.main.executablePath ?? CommandLine.arguments.first ?? ""
  }

  /// Parses the arguments, runs the command that they name, and ends the process.
  ///
  /// The exit status is 0, 64 when the arguments make no sense, and 1 for everything else, such as a
  /// standard output that cannot be written. Where its reader has gone, nothing is said about it.
  /// - Parameter remedy: what options of this program help against an error that a library has
  ///   described, such as "name the right one by --model".
  package static func run(
    _ command: (some ParsableCommand).Type, remedy: (any Error) -> String? = { _ in nil }
  ) -> Never {
    prepare()
    // Without them every command would be a call for help.
    if CommandLine.arguments.isEmpty {
      Console.note("Error: the arguments cannot be read; is /proc mounted?")
      exit(ExitCode.failure.rawValue)
    }
    if let argument = foreignArgument {
      Console.note(
        "Error: the argument '\(argument)' is not UTF-8 text, and neither would be a path that is "
          + "made of it; rename the file, or make a link with another name (ln -s)")
      exit(ExitCode.failure.rawValue)
    }
    var status = ExitCode.success
    do {
      do {
        var parsed = try command.parseAsRoot()
        try parsed.run()
      } catch {
        status = try end(command, error, remedy)
      }
      try StandardOutput.close()
    } catch {
      status = .failure
      if !StandardOutput.isReaderGone(error) { Console.note("Error: \(error)") }
    }
    exit(status.rawValue)
  }

  /// The first argument that is not UTF-8, repaired; a file that it names would not be found by it.
  private static var foreignArgument: String? {
    for index in 0..<Int(CommandLine.argc) {
      guard let argument = unsafe CommandLine.unsafeArgv[index] else { continue }
      if unsafe String(validatingCString: argument) == nil {
        return unsafe String(cString: argument)
      }
    }
    return nil
  }

  /// Prints what an error says where it belongs: help that was asked for is no error.
  private static func end(
    _ command: (some ParsableCommand).Type, _ error: any Error, _ remedy: (any Error) -> String?
  ) throws -> ExitCode {
    let status = command.exitCode(for: error)
    if StandardOutput.isReaderGone(error) { return status }
    let message = command.fullMessage(for: error)
    if status.isSuccess {
      if !message.isEmpty { try Console.print([message]) }
      return status
    }
    let advice = remedy(error) ?? Self.remedy(for: error)
    if !message.isEmpty {
      let cut =
        message.utf8.count > messageLimit ? String(message.prefix(messageLimit)) + "…" : message
      Console.note(cut + (advice.map { "; " + $0 } ?? ""))
    }
    return status
  }

  /// Characters of a message: names of a file may be millions of characters long.
  private static let messageLimit = 20_000

  /// What helps against errors of the door, for which every command has the same option.
  private static func remedy(for error: any Error) -> String? {
    switch error {
    case OutputError.exists, FileError.exists: "--force replaces it"
    default: nil
    }
  }

  /// Makes failures of the outputs errors like all others, instead of signals or worse.
  private static func prepare() {
    // The next file that is opened would become an output that was closed, and get what is printed.
    for (descriptor, mode) in [(STDIN_FILENO, O_WRONLY), (STDOUT_FILENO, O_RDONLY)]
    where fcntl(descriptor, F_GETFD) < 0 {
      // In the wrong direction, so that using it fails.
      _ = unsafe open("/dev/null", mode)
    }
    if fcntl(STDERR_FILENO, F_GETFD) < 0 { _ = unsafe open("/dev/null", O_WRONLY) }
    _ = signal(SIGPIPE, SIG_IGN)
    // Beyond `ulimit -f`, so that write says EFBIG.
    _ = signal(SIGXFSZ, SIG_IGN)
    temporaries_remove_on_signals()
    mapped_files_explain_signals()
    memory_refusal_ends_with(temporaries_remove_all)
  }
}
