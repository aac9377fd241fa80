import Foundation
internal import Platform

/// What a program took.
public struct MeasuredResult: Sendable {
  /// What it left behind.
  public let result: CommandResult
  /// Processor time, which does not depend on what else the machine does.
  public let seconds: Double
  /// The largest resident set.
  public let peakBytes: Int
}

extension CommandRunner {
  /// Runs `var-run` or `var-convert` to its end, and measures it.
  public static func measure(_ program: String, _ arguments: [String]) throws -> MeasuredResult {
    let scratch = try TemporaryFolder()
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    for (descriptor, name) in [(STDOUT_FILENO, "output"), (STDERR_FILENO, "errors")] {
      unsafe posix_spawn_file_actions_addopen(
        &actions, descriptor, scratch.file(name), O_WRONLY | O_CREAT, 0o600)
    }
    let path = binaries + program
    var pointers: [UnsafeMutablePointer<CChar>?] = unsafe ([path] + arguments).map {
      unsafe strdup($0)
    }
    defer { for index in unsafe pointers.indices { unsafe free(pointers[index]) } }
    unsafe pointers.append(nil)
    var child = pid_t()
    let code = unsafe posix_spawn(&child, path, &actions, nil, pointers, environ)
    guard code == 0 else { throw POSIXError(POSIXErrorCode(rawValue: code) ?? .EIO) }
    var status: Int32 = 0
    var usage = rusage()
    // What wait4 says of memory begins with this process's own: the high-water mark is asked for
    // as long as there is one.
    var peak = 0
    while unsafe wait4(child, &status, WNOHANG, &usage) == 0 {
      peak = max(peak, highWaterMark(child))
      usleep(1000)
    }
    let signal = status & 0x7F
    let result = CommandResult(
      status: signal == 0 ? status >> 8 & 0xFF : 128 + signal,
      output: [UInt8](try Data(contentsOf: URL(filePath: scratch.file("output")))),
      errors: String(
        decoding: try Data(contentsOf: URL(filePath: scratch.file("errors"))), as: UTF8.self))
    let seconds = [usage.ru_utime, usage.ru_stime].reduce(0) {
      $0 + Double($1.tv_sec) + Double($1.tv_usec) / 1e6
    }
    return MeasuredResult(
      result: result, seconds: seconds, peakBytes: peak)
  }

  /// VmHWM of a running process.
  private static func highWaterMark(_ process: pid_t) -> Int {
    let text = try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)
    let line = text?.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
    return (line?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) * 1024
  }
}
