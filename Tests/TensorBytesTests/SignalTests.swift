import Foundation
internal import Platform
import TestSupport
import Testing

/// What is left of an unfinished file when a signal ends the program.
@Suite struct SignalTests {
  /// Begins `out` in a folder, ends the writer by a signal.
  private func end(
    by signal: Int32, _ folder: TemporaryFolder, ignoringHangUp: Bool = false
  ) throws {
    let process = Process()
    // The tests may have been started with signals ignored, which is inherited.
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments =
      ["--default-signal"] + (ignoringHangUp ? ["--ignore-signal=HUP"] : [])
      + [CommandRunner.binaries + "unfinished-output", folder.file("out")]
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    #expect(output.fileHandleForReading.availableData == Data("ready\n".utf8))
    #expect(try folder.names().count == 1)
    // Were it not ignored, it would be the signal that ends the process: HUP is taken first.
    if ignoringHangUp { kill(process.processIdentifier, SIGHUP) }
    kill(process.processIdentifier, signal)
    process.waitUntilExit()
    #expect(process.terminationReason == .uncaughtSignal)
    #expect(process.terminationStatus == signal)
  }

  @Test(arguments: [SIGINT, SIGTERM, SIGHUP])
  func aSignalTakesTheTemporaryAlong(signal: Int32) throws {
    let folder = try TemporaryFolder()
    try end(by: signal, folder)
    #expect(try folder.names() == [])
  }

  /// As nohup has it.
  @Test func anIgnoredSignalStaysIgnored() throws {
    let folder = try TemporaryFolder()
    try end(by: SIGTERM, folder, ignoringHangUp: true)
    #expect(try folder.names() == [])
  }

  @Test func whatAKilledProcessLeavesGoesWithTheNext() throws {
    let folder = try TemporaryFolder()
    try end(by: SIGKILL, folder)
    #expect(try folder.names().count == 1)
    try end(by: SIGINT, folder)
    #expect(try folder.names() == [])
  }
}
