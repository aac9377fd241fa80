import TestSupport
import Testing

/// `--verify`: a damaged tensor is told before anything is computed from it.
@Suite struct VerifyOptionTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try CommandTable.furnish(folder)
  }

  /// The last byte of a file is one of its last tensor.
  private func damage(_ name: String) throws {
    var bytes = try bytes(ofFile: folder.file(name))
    bytes[bytes.count - 1] ^= 0x10
    try folder.write(bytes, to: name)
  }

  @Test(arguments: CommandTable.commands.filter { $0.program == "var-run" && $0.takesModel })
  func everyCommandChecksItsModel(command: TableCommand) throws {
    let sound = try command.run(command.allOutputs() + ["--verify"], in: folder)
    #expect(sound.status == 0, "\(sound.errors)")
    try damage("model.varq")
    let names = try folder.names()
    let result = try command.run(
      command.allOutputs(prefix: "new-") + ["--verify"], in: folder)
    #expect(result.status == 1)
    let message = /Error: model\.varq: [a-z0-9_.]+: the SHA-256 is [0-9a-f]+, not [0-9a-f]+:/
    #expect(result.errors.contains(message), "\(result.errors)")
    #expect(result.errors.contains("copy it again"))
    #expect(try folder.names() == names)
  }

  @Test func theOtherModelIsCheckedToo() throws {
    try damage("other.varq")
    let compare = ["compare", "images", "--against", "other.varq", "--labels", "labels.csv"]
    let arguments = compare + ["--model", "model.varq"]
    let result = try CommandRunner.run("var-run", arguments + ["--verify"], in: folder.path)
    #expect(result.status == 1)
    #expect(result.errors.hasPrefix("Error: other.varq: "), "\(result.errors)")
    #expect(try CommandRunner.run("var-run", arguments, in: folder.path).status == 0)
  }
}
