import Foundation
import TestSupport
import Testing

/// `var-convert convert --calibrate` as a user runs it.
@Suite struct CalibrationCommandTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private static let demo = [
    "--var", Repository.file("models/fashion-var/var.pth"), "--vae",
    Repository.file("models/fashion-var/vae.pth"),
  ]

  private func convert(_ name: String, _ options: String...) throws -> CommandResult {
    try CommandRunner.run(
      "var-convert", ["convert"] + Self.demo + ["--output", folder.file(name)] + options)
  }

  private func metadata(_ name: String) throws -> [String: Any] {
    let result = try CommandRunner.run("var-convert", ["inspect", folder.file(name), "--json"])
    let facts = try JSONSerialization.jsonObject(with: Data(result.output)) as? [String: Any]
    return try #require(facts?["metadata"] as? [String: Any])
  }

  /// Few bits are calibrated unless the user wants otherwise, and the file says how.
  @Test func fewBitsAreCalibrated() throws {
    let result = try convert("q4.varq", "--type", "q4", "--calibration-images", "4")
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.errors == "", "no progress where no terminal is")
    let facts = try metadata("q4.varq")
    #expect(facts["convert.calibration"] as? String == "gptq")
    #expect(facts["convert.calibration.pictures"] as? String == "self")
    #expect(facts["convert.calibration.images"] as? Int == 4)
    #expect(facts["convert.calibration.seed"] as? Int == 0)
    #expect(facts["convert.calibration.cpu"] as? String != nil)
    #expect(try folder.names() == ["q4.varq"])
    let verdict = try CommandRunner.run(
      "var-convert",
      ["verify", folder.file("q4.varq"), "--against", Self.demo[1], Self.demo[3], "--recalibrate"])
    #expect(verdict.status == 0, "\(verdict.text)")
    #expect(try convert("none.varq", "--type", "q4", "--calibrate", "none").status == 0)
    #expect(try metadata("none.varq")["convert.calibration"] == nil)
    #expect(try convert("q6.varq", "--type", "q6").status == 0)
    #expect(try metadata("q6.varq")["convert.calibration"] == nil)
  }

  @Test func picturesOfAFolderTakeThePlaceOfDrawnOnes() throws {
    let images = Repository.fixture("documentation/images")
    let result = try convert("images.varq", "--type", "q4", "--calibrate", images)
    #expect(result.status == 0, "\(result.errors)")
    let facts = try metadata("images.varq")
    #expect(facts["convert.calibration.pictures"] as? String == "images")
    #expect((facts["convert.calibration.images"] as? Int ?? 0) > 0)
    let missing = try convert("x.varq", "--type", "q4", "--calibrate", "/no/such/folder")
    #expect(missing.status == 1)
    #expect(missing.errors.contains("/no/such/folder"))
  }

  @Test func whatCannotBeCalibratedIsSaid() throws {
    let fine = try convert("fine.varq", "--type", "q8", "--calibrate", "self")
    #expect(fine.status == 1)
    #expect(fine.errors.contains("leave out --calibrate"))
    let half =
      ["convert"] + Self.demo[..<2] + ["--output", folder.file("half.varq"), "--type", "q4"]
    let result = try CommandRunner.run("var-convert", half + ["--calibrate", "self"])
    #expect(result.status == 1)
    #expect(result.errors.contains("give both --var and --vae"))
    #expect(try folder.names() == [])
    #expect(try CommandRunner.run("var-convert", half).status == 0, "searched scales by default")
    let none = try convert("none.varq", "--calibration-images", "0")
    #expect(none.status == 64)
  }

  /// A file that is called - would surprise whoever asked for the standard output.
  @Test func sensitivityPrintsItsTable() throws {
    let model = Repository.fixture("models/per-block/")
    let result = try CommandRunner.run(
      "var-convert",
      ["sensitivity", model + "var.pth", model + "vae.pth", "--count", "1", "--calibrate", "none"],
      in: folder.path)
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.text.hasPrefix("{"), "\(result.text.prefix(100))")
    #expect(try folder.names() == [])
  }

  /// Not even KILL: the copy of the weights has no name.
  @Test(arguments: ["TERM", "INT", "KILL"])
  func aSignalLeavesNothingBehind(signal: String) throws {
    let arguments = Self.demo.map { "'\($0)'" }.joined(separator: " ")
    for delay in ["0.05", "0.2", "0.6"] {
      let result = try CommandRunner.shell(
        """
        timeout --foreground -s \(signal) \(delay) var-convert convert \(arguments) \\
          --output out.varq --type q4 --calibration-images 64 || true
        """, in: folder.path)
      #expect(result.status == 0)
      // Where it was quicker than the signal, the file is whole.
      #expect(try folder.names().allSatisfy { $0 == "out.varq" })
      try? FileManager.default.removeItem(atPath: folder.file("out.varq"))
    }
  }
}
