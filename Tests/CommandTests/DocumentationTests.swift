import Foundation
import TestSupport
import Testing

/// Runs every `sh` block of the task pages, in order and in one folder a page, as a reader would.
@Suite(.serialized) struct DocumentationTests {
  /// The pages that are run; the page and the folder it is run in share nothing with the others.
  static let pages = ["convert", "shrink", "edit", "parity", "samples", "evaluate"]

  @Test(arguments: pages)
  func everyCommandWorks(page: String) throws {
    let text = try String(contentsOfFile: Repository.file("docs/\(page).md"), encoding: .utf8)
    let blocks = Self.shellBlocks(of: text)
    #expect(!blocks.isEmpty)
    let folder = try TemporaryFolder()
    try Self.furnish(folder, page)
    for block in blocks {
      let result = try CommandRunner.shell(
        block, in: folder.path, environment: ["VAR_MODEL": folder.file("demo.varq")])
      #expect(result.status == 0, "\(page).md:\n\(block)\n\(result.errors)")
    }
  }

  /// The bodies of all fenced blocks that are marked as `sh`.
  static func shellBlocks(of markdown: String) -> [String] {
    var blocks: [String] = []
    var current: [Substring]?
    for line in markdown.split(separator: "\n", omittingEmptySubsequences: false) {
      if line == "```sh" {
        current = []
      } else if line == "```", let block = current {
        blocks.append(block.joined(separator: "\n"))
        current = nil
      } else {
        current?.append(line)
      }
    }
    return blocks
  }

  /// Puts the files that the pages speak of into the folder, the demo model in the official one's
  /// place; the page on parity has the model of the reference that PyTorch recorded.
  static func furnish(_ folder: TemporaryFolder, _ page: String) throws {
    let model =
      page == "parity"
      ? Repository.fixture("models/per-block/") : Repository.file("models/fashion-var/")
    let links = [
      "var_d16.pth": model + "var.pth", "vae_ch160v4096z32.pth": model + "vae.pth",
      "photo.png": Repository.fixture("documentation/photo.png"),
      "mask.png": Repository.fixture("documentation/mask.png"),
      "images": Repository.fixture("documentation/images"),
      "scaling": Repository.file("models/scaling"),
      "classifier.pth": Repository.file("models/fashion-var/classifier.pth"),
      "reference.safetensors": Repository.fixture("goldens/per-block/reference.safetensors"),
    ]
    for (name, target) in links {
      try FileManager.default.createSymbolicLink(
        atPath: folder.file(name), withDestinationPath: target)
    }
    let result = try CommandRunner.run(
      "var-convert",
      [
        "convert", "--var", model + "var.pth", "--vae", model + "vae.pth", "--type", "f32",
        "--output", folder.file("demo.varq"),
      ])
    try #require(result.status == 0, "\(result.errors)")
  }
}
