import Foundation
import TestSupport
import Testing

/// Outputs that cannot be, are told before the work begins; and what grids look like.
@Suite struct OutputTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// Converts a fixture to `model.varq`.
  private func convert(_ arguments: String...) throws {
    let result = try CommandRunner.run(
      "var-convert", ["convert", "--output", folder.file("model.varq")] + arguments)
    try #require(result.status == 0, "\(result.errors)")
  }

  private func convertBoth() throws {
    try convert(
      "--var", Repository.fixture("models/plain/var.pth"), "--vae",
      Repository.fixture("models/plain/vae.pth"))
  }

  private func run(_ arguments: String...) throws -> CommandResult {
    try CommandRunner.run(
      "var-run", arguments + ["--model", "model.varq"], in: folder.path)
  }

  private func files() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
  }

  @Test func nothingIsWrittenIfAnOutputCannotBe() throws {
    try convertBoth()
    let result = try run(
      "generate", "--classes", "1", "--output", "a.png", "--stages", "missing/strip.png")
    #expect(result.status == 1)
    #expect(result.errors.hasPrefix("Error: missing/strip.png: "), "\(result.errors)")
    #expect(try files() == ["model.varq"])
  }

  @Test func inputsAreNotReplaced() throws {
    try convertBoth()
    let before = try Data(contentsOf: URL(filePath: folder.file("model.varq")))
    try FileManager.default.createSymbolicLink(
      atPath: folder.file("link"), withDestinationPath: "model.varq")
    let result = try run("generate", "--classes", "1", "--output", "./link")
    #expect(result.status == 1)
    #expect(
      result.errors
        == "Error: ./link is model.varq, an input of this command, which it would replace; "
        + "choose another output\n")
    #expect(try Data(contentsOf: URL(filePath: folder.file("model.varq"))) == before)
    #expect(try run("generate", "--classes", "1", "--tokens-output", "t.json").status == 0)
    #expect(try run("decode", "t.json", "--output", "t.json").status == 64)
    let twice = try run("generate", "--classes", "1", "--output", "a.png", "--grid", "a.png")
    #expect(
      twice.errors == "Error: a.png is named for two outputs; give each its own file\n")
  }

  @Test func theStandardOutputHasOtherNames() throws {
    try convertBoth()
    let result = try CommandRunner.shell(
      "echo before; var-run generate --model model.varq --classes 1 --seed 1 -o /dev/stdout",
      in: folder.path)
    #expect(result.status == 0)
    #expect(result.output.starts(with: Array("before\n".utf8) + [0x89, 0x50, 0x4e, 0x47]))
    let full = try CommandRunner.shell(
      "var-run generate --model model.varq --classes 1 --seed 1 -o - > /dev/full",
      in: folder.path)
    #expect(full.status == 1)
    #expect(
      full.errors.hasPrefix("Error: standard output: cannot write: No space left on device"),
      "\(full.errors)")
  }

  @Test func gridsHaveTheColumnsAskedFor() throws {
    try convertBoth()
    func size(_ options: String...) throws -> [Int] {
      let result = try CommandRunner.run(
        "var-run",
        ["generate", "--model", "model.varq", "--seed", "1", "--grid", "g.png", "--force"]
          + options,
        in: folder.path)
      try #require(result.status == 0, "\(result.errors)")
      let png = [UInt8](try Data(contentsOf: URL(filePath: folder.file("g.png"))))
      let sides = [16, 20].map { png[$0..<$0 + 4].reduce(0) { 256 * $0 + Int($1) } }
      // Pictures of 4 pixels are enlarged to 64, with 2 between them.
      return sides.map { ($0 + 2) / 66 }
    }
    #expect(try size("--classes", "0-5") == [3, 2])
    #expect(try size("--classes", "0-2", "--count", "2") == [2, 3])
    #expect(try size("--classes", "0-5", "--grid-columns", "4") == [4, 2])
  }

  @Test func negativeSeedsAreThoseOfPyTorch() throws {
    try convertBoth()
    func tokens(_ seed: String) throws -> [UInt8] {
      let result = try run("generate", "--classes", "1", "--seed=" + seed, "--tokens-output", "-")
      try #require(result.status == 0, "\(result.errors)")
      return result.output
    }
    #expect(try tokens("-1") == tokens("18446744073709551615"))
    #expect(try run("generate", "--seed=-9223372036854775809").status == 64)
  }

  @Test func aModelWithoutTransformerSaysSo() throws {
    try convert(
      "--vae", Repository.fixture("models/per-block/vae.pth"), "--patch-nums", "1,2,3,5,8")
    let result = try run("generate", "--classes", "0")
    #expect(result.status == 1)
    #expect(result.errors.hasPrefix("Error: model.varq holds no transformer, "), "\(result.errors)")
  }

  @Test func decodeAndExportTellFactsAsJSON() throws {
    try convertBoth()
    _ = try run("generate", "--classes", "1", "--tokens-output", "t.json")
    let decoded = try run("decode", "t.json", "--output", "t.png", "--json")
    let facts = try #require(
      try JSONSerialization.jsonObject(with: Data(decoded.output)) as? [String: Any])
    #expect((facts["images"] as? [[String: String]]) == [["file": "t.png"]])
    let exported = try CommandRunner.run(
      "var-convert", ["export", "model.varq", "--output", "a/b/c", "--json"], in: folder.path)
    #expect(exported.status == 0, "\(exported.errors)")
    let files = try JSONDecoder().decode([String: [String]].self, from: Data(exported.output))
    #expect(files == ["files": ["a/b/c/var.safetensors", "a/b/c/vae.safetensors"]])
  }

  @Test func usageErrorsOfConvert() throws {
    for arguments in [
      ["--tensor-type", "foo"], ["--tensor-type", "(=f16"], ["--tensor-type", "x=q2"],
      ["--quant-resi", "nan"], ["--output", ""], ["--output", "-"],
    ] {
      let result = try CommandRunner.run(
        "var-convert", ["convert", "x.pth", "--output", "x.varq"] + arguments)
      #expect(result.status == 64, "\(arguments): \(result.errors)")
    }
  }

  @Test func typesGoByOfficialNamesToo() throws {
    try convert(
      "--var", Repository.fixture("models/plain/var.pth"), "--tensor-type",
      "^head\\.weight$=bf16")
    let result = try CommandRunner.run(
      "var-convert", ["inspect", "model.varq"], in: folder.path)
    #expect(result.text.contains("var.head.weight") && result.text.contains("BF16"))
  }
}
