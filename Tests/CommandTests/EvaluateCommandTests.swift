import Foundation
import TestSupport
import Testing

/// Data sets as they are found: with broken files, and with photographs that lie on their side.
@Suite struct EvaluateCommandTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func copy(_ fixture: String, to name: String) throws {
    let target = URL(filePath: folder.file(name))
    try FileManager.default.createDirectory(
      at: target.deletingLastPathComponent(), withIntermediateDirectories: true)
    try FileManager.default.copyItem(
      at: URL(filePath: Repository.fixture(fixture)), to: target)
  }

  private func evaluate(_ images: String, _ options: String...) throws -> CommandResult {
    try CommandRunner.run(
      "var-run",
      ["evaluate", images, "--model", ConvertedModel.path(), "--compute", "f32"] + options,
      in: folder.path)
  }

  private func figures(_ text: String) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
  }

  @Test func whatCannotBeReadIsSkippedByAnOption() throws {
    try copy("images/picture_4.png", to: "whole/2/p.png")
    let whole = try evaluate("whole", "--json")
    try copy("images/picture_4.png", to: "images/2/p.png")
    try folder.write([], to: "images/2/empty.png")
    try folder.write(Array("RIFF\0\0\0\0WEBP".utf8), to: "images/2/foreign.jpg")
    try copy("decoding/noise.png", to: "images/3/other.png")
    let fatal = try evaluate("images", "--fit", "exact", "--json")
    #expect(fatal.status == 1 && fatal.text == "", "\(fatal.errors)")

    let result = try evaluate("images", "--fit", "exact", "--skip-unreadable", "--json")
    #expect(result.status == 0, "\(result.errors)")
    var skipping = try figures(result.text)
    #expect(skipping.removeValue(forKey: "skipped") as? Int == 3)
    #expect(
      skipping.removeValue(forKey: "skipped_images") as? [String]
        == ["2/empty.png", "2/foreign.jpg", "3/other.png"])
    #expect(NSDictionary(dictionary: skipping) == NSDictionary(dictionary: try figures(whole.text)))
    let lines = result.errors.split(separator: "\n")
    #expect(lines.count == 3 && lines.allSatisfy { $0.hasPrefix("skipped: images/") })
    #expect(result.errors.contains("WebP"), "\(result.errors)")

    // What the table tells, and what a journal already knows.
    let table = try evaluate(
      "images", "--fit", "exact", "--skip-unreadable", "--output", "e.json")
    #expect(table.status == 0 && table.text.contains("3 images skipped"), "\(table.text)")
    let none = try evaluate("whole", "--skip-unreadable")
    #expect(none.status == 0 && none.text.contains("; 0 images skipped"), "\(none.text)")

    try FileManager.default.removeItem(atPath: folder.file("images/2/p.png"))
    let nothing = try evaluate("images", "--fit", "exact", "--skip-unreadable", "--json")
    #expect(nothing.status == 1 && nothing.text == "")
    #expect(
      nothing.errors.contains("Error: none of the 3 images can be read"), "\(nothing.errors)")
  }

  /// A photograph is not among the missing because its table lies.
  @Test func rowsWithoutAFileAreSkipped() throws {
    try copy("images/picture_4.png", to: "images/p.png")
    try folder.write(Array("p.png,2\nmissing.png,3\n".utf8), to: "labels.csv")
    let result = try evaluate("images", "--labels", "labels.csv", "--skip-unreadable", "--json")
    #expect(result.status == 0, "\(result.errors)")
    #expect(try figures(result.text)["skipped_images"] as? [String] == ["missing.png"])
  }

  /// The official loader opens a photograph as its sensor lay.
  @Test func orientationCanBeIgnored() throws {
    try copy("decoding/photo.jpg", to: "plain/2/p.jpg")
    try copy("decoding/exif6.jpg", to: "turned/2/p.jpg")
    let plain = try evaluate("plain", "--json")
    let upright = try evaluate("turned", "--json")
    let ignored = try evaluate("turned", "--json", "--ignore-orientation")
    #expect(plain.status == 0 && ignored.text == plain.text, "\(ignored.errors)")
    #expect(upright.status == 0 && upright.text != plain.text)
    // A journal of pictures that were turned is not taken up for pictures that are not.
    try copy("decoding/exif6.jpg", to: "both/2/a.jpg")
    try folder.write([], to: "both/2/b.jpg")
    #expect(try evaluate("both", "--output", "e.json").status == 1)
    let other = try evaluate("both", "--output", "e.json", "--ignore-orientation")
    #expect(other.errors.contains("was made by other arguments"), "\(other.errors)")
  }
}
