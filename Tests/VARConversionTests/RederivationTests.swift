import Foundation
import TestSupport
import Testing
import VARCompute
import VARConversion
import VARModel
import VARQuant

/// `verify --against`: what was converted is made again to the byte, and what was moved is found.
@Suite struct RederivationTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private static let pair = ["var", "vae"].map { Repository.fixture("models/per-block/\($0).pth") }
  private static let demo = ["var", "vae"].map { Repository.file("models/fashion-var/\($0).pth") }

  private func convert(_ sources: [String], _ options: String...) throws -> String {
    let path = folder.file("model.varq")
    let result = try CommandRunner.run(
      "var-convert", ["convert"] + sources + ["--output", path, "--force"] + options)
    try #require(result.status == 0, "\(result.errors)")
    return path
  }

  private func verify(
    _ path: String, _ sources: [String], _ options: String...
  ) throws -> (status: Int32, verdict: String, changed: [String]) {
    let result = try CommandRunner.run(
      "var-convert", ["verify", path, "--json", "--against"] + sources + options)
    let facts = try #require(
      try JSONSerialization.jsonObject(with: Data(result.output)) as? [String: Any],
      "\(result.errors)")
    let tensors = facts["tensors"] as? [[String: Any]] ?? []
    let changed = tensors.filter { $0["outcome"] as? String == "changed" }
    return (
      result.status, facts["verdict"] as? String ?? "",
      changed.compactMap { $0["name"] as? String }
    )
  }

  /// The same file but for a share of a tensor's weights, moved by a step; its checksums are right.
  private func tampered(
    _ path: String, _ name: String, share: Double, recordsErrors: Bool = true
  ) throws -> String {
    let file = try VarqFile(path)
    let other = folder.file("tampered.varq")
    var metadata = file.metadata
    if !recordsErrors { metadata[Metadata.errorsKey] = nil }
    let writer = try VarqWriter(
      output(other), metadata: metadata,
      tensors: file.tensors.map { TensorPlan(name: $0.name, format: $0.format, shape: $0.shape) })
    let raw = [UInt8](try Data(contentsOf: URL(filePath: path)))
    for tensor in file.tensors {
      var bytes = Array(raw[tensor.bytes])
      if tensor.name == name {
        // The lowest bit of a number or code: one step up or down.
        let width =
          switch tensor.format {
          case .f32: 32
          case .f16, .bf16: 16
          case .q8: 8
          case .q3: 2
          default: 4
          }
        for element in stride(from: 0, to: tensor.count, by: Int((1 / share).rounded())) {
          let bit = element * width
          bytes[bit / 8] ^= 1 << (bit % 8)
        }
      }
      try unsafe bytes.withUnsafeBytes { try unsafe writer.append($0) }
    }
    try writer.finish()
    return other
  }

  private static let weight = "var.blocks.1.ffn.fc1.weight"

  @Test(arguments: TensorFormat.allCases.map(\.name)) func everyTypeIsProved(type: String) throws {
    let path = try convert(Self.pair, "--type", type, "--calibrate", "none")
    let sound = try verify(path, Self.pair)
    #expect(sound.status == 0)
    #expect(sound.verdict == "re-derived")
    for share in [1, 0.1, 0.0001] {
      let found = try verify(tampered(path, Self.weight, share: share), Self.pair, "--close")
      #expect(found.status == 1)
      #expect(found.verdict == "changed", "\(share)")
      #expect(found.changed == [Self.weight], "\(share)")
    }
  }

  private static let emulator = "/usr/bin/qemu-x86_64"

  /// A processor of 2008 has neither AVX nor fused multiply-add, and gives the same bytes.
  @Test(
    .enabled("needs qemu-user, which has no room for a sanitizer's shadow memory") {
      FileManager.default.isExecutableFile(atPath: emulator) && !Sanitizer.isOn
    }, arguments: TensorFormat.allCases.map(\.name) + ["mix4.25"])
  func everyTypeIsProvedOnAnotherCPU(type: String) throws {
    let path = try convert(Self.pair, "--type", type, "--calibrate", "none")
    let files = ([path] + Self.pair).map { "'\($0)'" }
    let result = try CommandRunner.shell(
      "\(Self.emulator) -cpu Nehalem \(CommandRunner.binaries)var-convert verify \(files[0]) "
        + "--against \(files[1]) \(files[2])", in: folder.path)
    #expect(result.status == 0, "\(result.text)\(result.errors)")
    #expect(result.text.contains(": re-derived: all bytes of 223 tensors"))
  }

  /// What is calibrated depends on the instruction set: it is recorded, and where it differs that is said.
  @Test(.enabled("one instruction set only") { CPULevel.available.count > 2 })
  func recalibrationTakesTheRecordedLevel() throws {
    let levels = CPULevel.available.suffix(2).map(\.rawValue)
    let path = try convert(
      Self.demo, "--type", "q4", "--calibration-images", "4", "--cpu-level", levels[0])
    func verify(_ options: String...) throws -> CommandResult {
      try CommandRunner.run(
        "var-convert", ["verify", path, "--recalibrate"] + options + ["--against"] + Self.demo)
    }
    let same = try verify()
    #expect(same.status == 0, "\(same.text)")
    #expect(same.errors == "")
    #expect(same.text.contains(": re-derived: all bytes"))
    let other = try verify("--cpu-level", levels[1])
    #expect(
      other.errors
        == "note: the calibration was computed with \(levels[0]): with \(levels[1]), the "
        + "last bits may differ\n")
  }

  @Test(arguments: ["mix4.25", "q6", "q5", "q4", "q3"]) func calibratedFilesAreHeldToLimits(
    type: String
  ) throws {
    let path = try convert(
      Self.demo, "--type", type, "--calibrate", "self", "--calibration-images", "8")
    let sound = try verify(path, Self.demo, "--close")
    #expect(sound.status == 0)
    #expect(sound.verdict == "close")
    #expect(sound.changed == [])
    #expect(try verify(path, Self.demo).status == 1, "not without --close")
    #expect(try verify(path, Self.demo, "--recalibrate").verdict == "re-derived")
    for share in [1, 0.1, 0.0001] {
      let found = try verify(tampered(path, Self.weight, share: share), Self.demo, "--close")
      #expect(found.changed == [Self.weight], "\(share)")
      #expect(found.status == 1)
    }
    for share in [1, 0.1] {
      // Where no error is recorded, limits alone find it.
      let bare = try tampered(path, Self.weight, share: share, recordsErrors: false)
      let found = try verify(bare, Self.demo, "--close")
      #expect(found.changed == [Self.weight], "\(share)")
      #expect(found.status == 1)
    }
    let few = try verify(
      tampered(path, Self.weight, share: 0.0001), Self.demo, "--recalibrate", "--close")
    #expect(few.verdict == "changed")
    #expect(few.changed == [Self.weight])
  }

  /// Models of noise give much more up for their inputs' sake than a trained one.
  @Test(arguments: ["per-block", "shared"], ["q3", "q4", "q5", "q6"])
  func calibratedModelsOfNoiseAreClose(model: String, type: String) throws {
    let pair = ["var", "vae"].map { Repository.fixture("models/\(model)/\($0).pth") }
    let path = try convert(pair, "--type", type, "--calibrate", "self")
    let sound = try verify(path, pair, "--close")
    #expect(sound.verdict == "close")
    #expect(sound.changed == [])
  }

  /// The same weights in other containers are other files, and it is said that they match.
  @Test func otherSourcesAreNamed() throws {
    let plain = Repository.fixture("models/plain/")
    let path = try convert([plain + "var.pth", plain + "vae.pth"])
    let found = try verify(path, [plain + "var-legacy.pth", plain + "vae.safetensors"], "--close")
    #expect(found.status == 1)
    #expect(found.verdict == "other sources")
    #expect(found.changed == [])
  }

  /// Recipes, overrides and settings are taken from the file.
  @Test func whatWasAskedForIsRecorded() throws {
    let path = try convert(
      Self.pair, "--type", "mix4", "--tensor-type", "head\\.weight$=f16", "--calibrate", "none",
      "--default-cfg", "0")
    #expect(try verify(path, Self.pair).verdict == "re-derived")
    let chained = folder.file("chained.varq")
    let exact = try convert(Self.pair, "--type", "f32")
    let result = try CommandRunner.run(
      "var-convert",
      ["convert", exact, "--type", "q4", "--calibrate", "none", "--output", chained])
    try #require(result.status == 0, "\(result.errors)")
    #expect(try verify(chained, [exact]).verdict == "re-derived")
    #expect(try verify(chained, Self.pair).verdict == "other sources")
  }
}
