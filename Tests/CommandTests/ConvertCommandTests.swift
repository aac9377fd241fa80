import Foundation
import TestSupport
import Testing

/// `var-convert` as a user runs it, on the committed checkpoints.
@Suite struct ConvertCommandTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private static func fixture(_ name: String) -> String { Repository.fixture("models/" + name) }

  private static let pair = [
    "--var", fixture("per-block/var.pth"), "--vae", fixture("per-block/vae.pth"),
  ]

  private func run(_ arguments: String...) throws -> CommandResult {
    try CommandRunner.run("var-convert", arguments)
  }

  /// Converts the pair and returns the path of the file.
  private func convert(_ options: String...) throws -> String {
    let path = folder.file("model.varq")
    let result = try CommandRunner.run(
      "var-convert", ["convert"] + Self.pair + ["--output", path] + options)
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.errors == "", "no progress where no terminal is")
    #expect(result.text.contains("Wrote \(path)"))
    #expect(result.text.contains(/peak memory \d+(\.\d)? MB/))
    return path
  }

  private func json(_ result: CommandResult) throws -> [String: Any] {
    try #require(
      try JSONSerialization.jsonObject(with: Data(result.output)) as? [String: Any])
  }

  @Test func convertVerifyExport() throws {
    let path = try convert()
    let size = try #require(
      try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int)
    let dryRun = try json(
      CommandRunner.run("var-convert", ["convert"] + Self.pair + ["--dry-run", "--json"]))
    #expect(dryRun["file_bytes"] as? Int == size)
    let verdict = try run(
      "verify", path, "--json", "--against", Self.fixture("per-block/var.pth"),
      Self.fixture("per-block/vae.pth"))
    #expect(verdict.status == 0)
    let facts = try json(verdict)
    #expect(facts["sound"] as? Bool == true)
    #expect(facts["compared"] as? Int == (facts["tensors"] as? [Any])?.count)
    let export = try run("export", path, "--output", folder.file("export"))
    #expect(export.status == 0)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.file("export")).count == 2)
    #expect(try run("export", path, "--output", folder.file("export")).status == 1)
  }

  /// The same weights in every container give the same tensors.
  @Test func containersMakeNoDifference() throws {
    func tensors(_ arguments: String...) throws -> [String] {
      let path = folder.file("container.varq")
      let result = try CommandRunner.run(
        "var-convert", ["convert"] + arguments + ["--output", path, "--force", "--type", "f16"])
      #expect(result.status == 0, "\(result.errors)")
      let facts = try json(run("inspect", path, "--json", "--checksums"))
      #expect((facts["weights_sha256"] as? String)?.count == 64)
      return try #require(facts["tensors"] as? [[String: Any]]).map { tensor in
        "\(tensor["name"] ?? "") \(tensor["sha256"] ?? "")"
      }
    }
    let zip = try tensors(
      "--var", Self.fixture("plain/var.pth"), "--vae", Self.fixture("plain/vae.pth"))
    #expect(zip.count > 50)
    #expect(
      try tensors(
        "--var", Self.fixture("plain/var-legacy.pth"), "--vae",
        Self.fixture("plain/vae.safetensors")) == zip)
    #expect(try tensors(Self.fixture("plain/ar-ckpt-last.pth")) == zip)
    #expect(
      try tensors(Self.fixture("plain/vae.pth"), Self.fixture("plain/var.pth")) == zip)
  }

  @Test func existingTargetNeedsForce() throws {
    let path = try convert("--type", "f32")
    let before = try Data(contentsOf: URL(filePath: path))
    let refused = try CommandRunner.run(
      "var-convert", ["convert"] + Self.pair + ["--output", path])
    #expect(refused.status == 1)
    #expect(refused.errors.contains("exists already"))
    #expect(try Data(contentsOf: URL(filePath: path)) == before)
    _ = try convert("--force")
    #expect(try Data(contentsOf: URL(filePath: path)).count < before.count / 2)
  }

  @Test func dryRunWritesNothing() throws {
    let path = folder.file("model.varq")
    let result = try CommandRunner.run(
      "var-convert",
      ["convert"] + Self.pair + [
        "--output", path, "--dry-run", "--tensor-type", "^var\\.head\\.weight$=bf16",
      ])
    #expect(result.status == 0)
    #expect(!FileManager.default.fileExists(atPath: path))
    let head = result.text.split(separator: "\n").first { $0.hasPrefix("var.head.weight") }
    #expect(head?.contains("bf16") == true)
  }

  struct Misuse: Sendable {
    let arguments: [String]
    let status: Int32
    let message: String
  }

  @Test(arguments: [
    Misuse(arguments: ["convert"], status: 64, message: "--var FILE --vae FILE"),
    Misuse(arguments: ["convert"] + pair, status: 64, message: "--output is needed"),
    Misuse(
      arguments: ["convert"] + pair + ["--output", "x", "--type", "q2"], status: 64,
      message: "f32, f16, bf16, q8"),
    Misuse(
      arguments: ["convert"] + pair + ["--dry-run", "--type", "q4", "--recipe", "x"], status: 64,
      message: "exclude each other"),
    Misuse(
      arguments: ["convert"] + pair + ["--dry-run", "--recipe", pair[1]], status: 1,
      message: "JSON, byte 0"),
    Misuse(
      arguments: ["convert"] + pair + ["--output", pair[1], "--force"], status: 1,
      message: "is an input of this command"),
    Misuse(
      arguments: ["convert"] + pair + ["--dry-run", "--patch-nums", "1,b"], status: 64,
      message: "1,2,3,4,5,6,8"),
    Misuse(
      arguments: ["convert"] + pair + ["--dry-run", "--tensor-type", "nothing=f16"], status: 1,
      message: "matches no tensor; --dry-run lists their names"),
    Misuse(
      arguments: ["convert", fixture("plain/vae.pth"), "--dry-run"], status: 1,
      message: "; give them to convert with --patch-nums"),
    Misuse(
      arguments: [
        "convert", fixture("plain/vae.pth"), "--dry-run", "--patch-nums", "1,2,4", "--class-names",
        "c.txt",
      ], status: 1, message: "--class-names"),
    Misuse(
      arguments: ["convert"] + pair + ["--dry-run", "--patch-nums", "1,2,3"], status: 1,
      message: "patch_nums"),
    Misuse(
      arguments: ["convert", "--var", pair[3], "--dry-run"], status: 1,
      message: "holds a VQ-VAE, not a transformer; give it with --vae"),
    Misuse(
      arguments: [
        "convert", "--var", pair[1], "--vae", fixture("shared/vae.pth"), "--dry-run",
      ], status: 1, message: "quantize.ema_vocab_hit_SV"),
    Misuse(
      arguments: ["convert"] + pair + ["--dry-run", "--default-cfg=-1"], status: 64,
      message: "--default-cfg must be 0 to 1000, but is -1.0"),
    Misuse(
      arguments: ["convert"] + pair + ["--dry-run", "--default-cfg", "nan"], status: 64,
      message: "--default-cfg must be 0 to 1000, but is nan"),
    Misuse(
      arguments: [
        "convert", fixture("plain/vae.pth"), "--dry-run", "--patch-nums", "1,2,4", "--default-cfg",
        "0",
      ], status: 1, message: "a default guidance is of no use without a transformer"),
    Misuse(arguments: ["inspect", "/no/such/file"], status: 1, message: "/no/such/file"),
    Misuse(
      arguments: ["verify", pair[1]], status: 1, message: "not a .varq file"),
    Misuse(arguments: ["verify"], status: 64, message: "<file>"),
    Misuse(arguments: ["export", "x.varq"], status: 64, message: "--output"),
  ])
  func misuseIsExplained(misuse: Misuse) throws {
    let result = try CommandRunner.run("var-convert", misuse.arguments, in: folder.path)
    #expect(result.status == misuse.status, "\(result.errors)")
    #expect(result.errors.contains(misuse.message), "\(result.errors)")
    #expect(result.output.isEmpty)
  }

  @Test func damageIsFoundByTensor() throws {
    let path = try convert()
    var bytes = [UInt8](try Data(contentsOf: URL(filePath: path)))
    bytes[bytes.count - 1] ^= 1
    let damaged = try folder.write(bytes, to: "damaged.varq")
    let result = try run("verify", damaged)
    #expect(result.status == 1)
    #expect(result.text.contains("DAMAGED vae.decoder.conv_out.bias"))
    let foreign = try run("verify", path, "--against", Self.fixture("shared/vae.pth"))
    #expect(foreign.status == 1)
    let short = try folder.write(Array(bytes.dropLast(1)), to: "short.varq")
    let truncated = try run("inspect", short)
    #expect(truncated.status == 1)
    #expect(truncated.errors.contains("cut off"))
  }

  /// `inspect --json --checksums` of every reader fixture is what PyTorch found in it.
  @Test func inspectAgreesWithPyTorch() throws {
    let url = URL(filePath: Repository.fixture("readers/expected.json"))
    let expected = try #require(
      try JSONSerialization.jsonObject(with: Data(contentsOf: url)) as? [String: [String: Any]])
    #expect(expected.count > 15)
    for (name, facts) in expected {
      let result = try run(
        "inspect", Repository.fixture("readers/" + name), "--json", "--checksums")
      if let global = facts["refused"] as? String {
        #expect(result.status == 1, "\(name)")
        // Either the global that is not allowed, or that the file is no checkpoint at all.
        let isNamed = result.errors.contains(global)
        #expect(isNamed || global == "not a checkpoint", "\(name): \(result.errors)")
        continue
      }
      #expect(result.status == 0, "\(name): \(result.errors)")
      let found = try json(result)
      #expect(found["kind"] as? String == facts["kind"] as? String, "\(name)")
      #expect(try Self.lines(found) == Self.lines(facts), "\(name)")
    }
  }

  /// A line a tensor, sorted.
  private static func lines(_ facts: [String: Any]) throws -> [String] {
    try #require(facts["tensors"] as? [[String: Any]]).map { tensor in
      let shape = (tensor["shape"] as? [Int] ?? [-1]).map(String.init).joined(separator: ",")
      let values = ["name", "dtype", "sha256"].map { tensor[$0] as? String ?? "nothing" }
      return values.joined(separator: " ") + " [\(shape)]"
    }.sorted()
  }

  /// A model that needs no guidance says so; var-run takes it, says it, and obeys another.
  @Test func aDefaultGuidanceIsTaken() throws {
    let path = try convert("--default-cfg", "0")
    let metadata = try json(run("inspect", path, "--json"))["metadata"] as? [String: Any]
    #expect(metadata?["sampling.guidance"] as? Double == 0)
    func tokens(_ options: String...) throws -> (text: String, errors: String) {
      let result = try CommandRunner.run(
        "var-run",
        [
          "generate", "--model", path, "--classes", "3", "--seed", "5", "--compute", "f32",
          "--force", "--output", "p.png", "--tokens-output", "-",
        ] + options, in: folder.path)
      try #require(result.status == 0, "\(result.errors)")
      return (result.text, result.errors)
    }
    let own = try tokens()
    #expect(own.errors.contains("guidance 0.0, the model's own default\n"), "\(own.errors)")
    let none = try tokens("--cfg", "0")
    #expect(none.text == own.text)
    #expect(!none.errors.contains("guidance"))
    let other = try tokens("--cfg", "4")
    #expect(other.text != own.text)
    let info = try CommandRunner.run("var-run", ["info", "--model", path], in: folder.path)
    #expect(info.text.contains(/guidance +0\.0 where none is asked for/))
  }

  @Test func classNamesAreKept() throws {
    let names = try folder.write(
      Array((0..<8).map { "garment \($0)" }.joined(separator: "\n").utf8), to: "names.txt")
    let path = try convert("--class-names", names)
    let metadata = try json(run("inspect", path, "--json"))["metadata"] as? [String: Any]
    #expect(metadata?["class.names"] as? [String] == (0..<8).map { "garment \($0)" })
  }
}
