import Foundation
import TestSupport
import Testing

/// `inspect --manifest` and `--check`: what is listed is found again, and nothing else passes.
@Suite struct ManifestTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private static let checkpoint = Repository.fixture("models/plain/vae.safetensors")

  private func lines(of path: String) throws -> [String] {
    let result = try CommandRunner.run("var-convert", ["inspect", path, "--manifest"])
    try #require(result.status == 0, "\(result.errors)")
    return result.text.split(separator: "\n").map(String.init)
  }

  private func check(_ path: String, _ lines: [String], _ options: String...) throws
    -> CommandResult
  {
    let text = lines.map { $0 + "\n" }.joined()
    return try CommandRunner.run(
      "var-convert",
      ["inspect", path, "--check", folder.write(Array(text.utf8), to: "list.sha256")] + options)
  }

  @Test func sha256sumAgreesAboutTheFile() throws {
    let model = try ConvertedModel.path()
    for path in [model, Self.checkpoint] {
      let all = try lines(of: path)
      let file = try #require(all.last)
      #expect(all.dropLast() == all.dropLast().sorted { $0.dropFirst(66) < $1.dropFirst(66) }[...])
      #expect(all.dropLast().allSatisfy { $0.contains(/^[0-9a-f]{64}  [A-Za-z_.0-9]+$/) })
      let own = try CommandRunner.shell("sha256sum -b '\(path)'", in: folder.path)
      #expect(own.text.prefix(66) == file.prefix(66))
      #expect(file.dropFirst(66) == URL(filePath: path).lastPathComponent)
      #expect(try check(path, all).status == 0)
      #expect(try check(path, all.reversed()).text.contains("all as"), "order means nothing")
      #expect(try check(path, all.map { $0.uppercasedDigits + "\r" }).status == 0)
    }
    let copy = folder.file("renamed.varq")
    try FileManager.default.copyItem(atPath: model, toPath: copy)
    #expect(try check(copy, lines(of: model)).status == 0, "a file may have another name")
  }

  @Test func aChangedByteIsFound() throws {
    let model = try ConvertedModel.path()
    let all = try lines(of: model)
    var bytes = try bytes(ofFile: model)
    bytes[bytes.count - 1] ^= 1
    let copy = try folder.write(bytes, to: "model.varq")
    let result = try check(copy, all)
    #expect(result.status == 1)
    let report = result.text.split(separator: "\n")
    #expect(report.count == 3 && report[0].hasPrefix("CHANGED vae."), "\(result.text)")
    #expect(report[1] == "CHANGED the file model.varq")
    #expect(report[2].hasSuffix(": 2 changed, 0 missing, 0 new"))
  }

  @Test func missingAndNewTensorsAreNamed() throws {
    let model = try ConvertedModel.path()
    var all = try lines(of: model)
    let removed = all.remove(at: 3).dropFirst(66)
    all.append(String(repeating: "0", count: 64) + "  var.of.another")
    let result = try check(model, all, "--json")
    #expect(result.status == 1)
    let facts = try #require(
      try JSONSerialization.jsonObject(with: Data(result.output)) as? [String: Any])
    #expect(facts["new"] as? [String] == [String(removed)])
    #expect(facts["missing"] as? [String] == ["var.of.another"])
    #expect(facts["changed"] as? [String] == [])
    #expect(facts["same"] as? Bool == false)
  }

  /// Labels are no tensors, but the file that was signed has changed with them.
  @Test func otherLabelsAreAnotherFile() throws {
    let model = try ConvertedModel.path()
    let other = folder.file("other.varq")
    let annotated = try CommandRunner.run(
      "var-convert", ["annotate", model, "--meta", "name=mine", "--output", other])
    try #require(annotated.status == 0, "\(annotated.errors)")
    let result = try check(other, lines(of: model))
    #expect(result.status == 1)
    #expect(result.text.hasPrefix("CHANGED the file other.varq\n"), "\(result.text)")
  }

  @Test(arguments: [
    "", "\n\n", "# a comment", "-----BEGIN PGP SIGNED MESSAGE-----", "0123  short",
    zeros + " one.space", zeros + "  ", zeros + "\t\tx", "g" + zeros.dropLast() + "  x",
    zeros + "0  x", zeros + "  x\n" + zeros + "  x", "\u{1b}[31m" + zeros + "  x",
    zeros + "  x\n\0", zeros + "  x\r\r\n", zeros + "  a\u{1b}[31m\u{202e}b",
  ])
  func whatIsNoManifestIsRefused(text: String) throws {
    let result = try check(Self.checkpoint, [text])
    #expect(result.status == 1)
    #expect(result.output.isEmpty)
    let message = /^Error: [^\n]*list\.sha256(: line \d+ | lists no)[^\n]+\n$/
    #expect(result.errors.contains(message), "\(result.errors)")
  }

  @Test func bytesThatAreNoTextAreRefused() throws {
    let path = try folder.write(Array((Self.zeros + "  x").utf8) + [0xFF], to: "list")
    let result = try CommandRunner.run(
      "var-convert", ["inspect", Self.checkpoint, "--check", path])
    #expect(result.status == 1)
    #expect(result.errors.contains("line 1 is not a SHA-256"), "\(result.errors)")
  }

  /// A name that looks like the escape of another one is not taken for it.
  @Test func namesOfDifferentBytesStayDifferent() throws {
    func checkpoint(_ name: String) throws -> String {
      let header = try JSONSerialization.data(withJSONObject: [
        name: ["dtype": "U8", "shape": [1], "data_offsets": [0, 1]] as [String: Any]
      ])
      let length = (0..<8).map { UInt8(truncatingIfNeeded: header.count >> (8 * $0)) }
      return try folder.write(length + header + [7], to: "one.safetensors")
    }
    let names = ["a\nb", "a\\nb", "a\\\\nb", "e\u{301}", "\u{e9}"]
    let all = try names.map { try lines(of: checkpoint($0))[0] }
    #expect(Set(all.map { Array($0.utf8) }).count == names.count, "\(all)")
    for (name, line) in zip(names, all) {
      let path = try checkpoint(name)
      #expect(try check(path, lines(of: path)).status == 0, "\(line)")
    }
  }

  @Test func misuseIsRefused() throws {
    for options in [
      ["--manifest", "--json"], ["--manifest", "--check", "x"], ["--check", ""],
      ["--check", "x", "--checksums"],
    ] {
      let result = try CommandRunner.run("var-convert", ["inspect", Self.checkpoint] + options)
      #expect(result.status == 64, "\(options)")
    }
  }

  private static let zeros = String(repeating: "0", count: 64)
}

extension String {
  fileprivate var uppercasedDigits: String { prefix(64).uppercased() + dropFirst(64) }
}
