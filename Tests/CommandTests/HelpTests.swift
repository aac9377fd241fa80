import Foundation
import TestSupport
import Testing

/// The help of every command, as it was when somebody last looked at it.
///
/// After a wanted change: `UPDATE_SNAPSHOTS=1 swift test -c release --filter HelpTests`.
@Suite struct HelpTests {
  static let commands = [
    [], ["generate"], ["inpaint"], ["outpaint"], ["edit"], ["decode"], ["tokenize"],
    ["reconstruct"], ["evaluate"], ["compare"], ["parity"], ["scaling"], ["info"], ["bench"],
    ["samples"], ["samples", "run"], ["samples", "status"], ["samples", "merge"],
  ]

  static let evaluation = [[], ["score"], ["convert-inception"], ["convert-classifier"]]

  @Test(arguments: commands)
  func helpIsAsRecorded(command: [String]) throws { try check("var-run", command) }

  @Test(arguments: evaluation)
  func helpOfScoresIsAsRecorded(command: [String]) throws { try check("var-eval", command) }

  private func check(_ program: String, _ command: [String]) throws {
    let result = try CommandRunner.run(
      program, command + ["--help"], environment: ["COLUMNS": "80"])
    #expect(result.status == 0)
    let name = ([program] + command).joined(separator: "-")
    let snapshot = Repository.fixture("help/\(name).txt")
    if ProcessInfo.processInfo.environment["UPDATE_SNAPSHOTS"] != nil {
      try Data(result.output).write(to: URL(filePath: snapshot))
    }
    let recorded = FileManager.default.contents(atPath: snapshot) ?? Data()
    #expect(result.text == String(decoding: recorded, as: UTF8.self))
  }
}
