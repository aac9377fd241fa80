import TestSupport
import Testing

/// A small model that tests of pictures share.
enum ConvertedModel {
  /// Its path; it is converted once.
  static func path() throws -> String { try folder.get().file("model.varq") }

  private static let folder = Result {
    let folder = try TemporaryFolder()
    let fixture = Repository.fixture("models/plain/")
    let result = try CommandRunner.run(
      "var-convert",
      [
        "convert", "--var", fixture + "var.pth", "--vae", fixture + "vae.pth", "--output",
        folder.file("model.varq"),
      ])
    #expect(result.status == 0, "\(result.errors)")
    return folder
  }
}
