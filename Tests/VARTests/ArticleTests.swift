import Foundation
import ModelFixtures
import TestSupport
import Testing
import VAR
import VARCore

/// The code of the article "Draw a picture": here it compiles and runs, there it is read.
@Suite struct ArticleTests {
  @Test func codeRuns() async throws {
    let (models, folder) = (try TemporaryFolder(), try TemporaryFolder())
    try await draw(model: DemoModel.convert(into: models), into: folder.path)
    let names = ["edited", "picture-10", "picture-11", "picture-12", "picture-13", "sneaker"]
    #expect(try folder.names() == names.map { $0 + ".png" })
  }

  @Test func codeIsThatOfTheArticle() throws {
    let article = try String(
      contentsOfFile: Repository.file("Sources/VAR/VAR.docc/DrawAPicture.md"), encoding: .utf8)
    let source = try String(contentsOfFile: #filePath, encoding: .utf8)
    let parts = article.components(separatedBy: "```swift\nimport VAR\n\n")
    let code = try #require(parts.last?.components(separatedBy: "```").first)
    #expect(parts.count == 2)
    #expect(source.hasSuffix("\n\n" + code))
  }
}

func draw(model path: String, into folder: String) async throws {
  // Mapped, not read: opening takes milliseconds, and several sessions may share it.
  let session = try Session(Model(path: path))

  // One picture, as `var-run generate --classes "red sneaker" --seed 1` draws it.
  let sneaker = try await session.picture(for: Request(.named("red sneaker"), seed: 1))
  try sneaker.write(to: folder + "/sneaker.png", replacing: true)

  // Four more, each scale of them with a preview.
  var request = Request(.id(3), count: 4, seed: 10)
  request.guidance = 4
  for try await event in session.events(for: request) {
    switch event {
    case .scale(let scale):
      print("picture \(scale.picture): scale \(scale.scale + 1) of \(scale.scales)")
    case .picture(let picture):
      try picture.write(to: folder + "/picture-\(picture.seed).png", replacing: true)
    }
  }

  // The lower half of the first one anew; the upper half keeps its pixels.
  let lower = Request.Region.inside(top: 0.5, left: 0, bottom: 1, right: 1)
  let edit = Request.Edit(sneaker.image, lower, keepsPixels: true)
  let edited = try await session.picture(for: Request(.unconditional, seed: 2, edit: edit))
  try edited.write(to: folder + "/edited.png", replacing: true)

  // Tokens of any picture, and the picture that they stand for.
  let tokens = try await session.tokenize(Image(path: folder + "/edited.png"))
  let rebuilt = try await session.decode(tokens)
  print(rebuilt.width, "x", rebuilt.height)
}
