import TestSupport
import Testing

/// A few of the kills and faults of `make faults`, whose script says what each must leave behind.
@Suite(.serialized) struct FaultTests {
  // A sanitizer's own signal handlers and memory stand in the way.
  @Test(.disabled(if: Sanitizer.isOn)) func nothingIsLost() throws {
    let script = Repository.file("tools/faults.py")
    let result = try CommandRunner.shell(
      "python3 \(script) --binaries \(CommandRunner.binaries) --short", in: Repository.root)
    #expect(result.status == 0, "\(result.text)\(result.errors)")
  }
}
