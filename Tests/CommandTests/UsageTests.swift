import TestSupport
import Testing

@Suite struct UsageTests {
  /// sysexits' EX_USAGE, as swift-argument-parser and the README have it.
  @Test(arguments: ["var-run", "var-convert"])
  func unknownOptionIsAUsageError(program: String) throws {
    let result = try CommandRunner.run(program, ["--no-such-option"])
    #expect(result.status == 64)
    #expect(result.errors.contains("--no-such-option"))
    #expect(result.output.isEmpty)
  }
}
