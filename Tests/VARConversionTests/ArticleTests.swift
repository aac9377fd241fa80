import Foundation
import TestSupport
import Testing
import VARConversion

/// The code of the article "Convert a checkpoint": here it compiles and runs, there it is read.
@Suite struct ArticleTests {
  @Test func codeRuns() throws {
    let folder = try TemporaryFolder()
    let output = folder.file("model.varq")
    try convert(
      transformer: Repository.fixture("models/per-block/var.pth"),
      tokenizer: Repository.fixture("models/per-block/vae.pth"), to: output)
    #expect(try Inspection(output).problem == nil)
  }

  @Test func codeIsThatOfTheArticle() throws {
    let article = try String(
      contentsOfFile: Repository.file(
        "Sources/VARConversion/VARConversion.docc/ConvertACheckpoint.md"), encoding: .utf8)
    let source = try String(contentsOfFile: #filePath, encoding: .utf8)
    let parts = article.components(separatedBy: "```swift\nimport VARConversion\n\n")
    let code = try #require(parts.last?.components(separatedBy: "```").first)
    #expect(parts.count == 2)
    #expect(source.hasSuffix("\n\n" + code))
  }
}

func convert(transformer: String, tokenizer: String, to output: String) throws {
  // Headers only: names and shapes tell the architecture.
  var model = try SourceModel.open(transformer: transformer, tokenizer: tokenizer)
  try model.nameClasses(from: nil)

  // All weights once: their largest magnitudes, the digests of the files.
  let survey = try Survey(model) { progress in
    print("\(progress.phase.rawValue) \(progress.done) of \(progress.total)")
  }

  // What each tensor becomes; nothing is read, nothing written.
  let recipe = try ConversionRecipe(type: "q8", overrides: [#"^var\.head\.weight$=f16"#])
  let plan = try ConversionPlan(model, survey, recipe)
  for tensor in plan.tensors { print(tensor.name, tensor.shape, tensor.type) }

  // All weights once more; the file appears when it is complete.
  let report = try Converter(plan).write(to: output)
  print("\(try plan.fileSize()) bytes, least SQNR \(report.ratios.min() ?? 0) dB")

  // Every checksum, every rule of the format, and the distance to the source.
  let verdicts = try Verifier(output, against: [transformer, tokenizer]).verdicts()
  for verdict in verdicts where !verdict.isSound { print("\(verdict.name) is not sound") }
}
