import SafetensorsIO
import TensorBytes
import TestSupport
import Testing
import VARConversion

@Suite struct SurveyTests {
  private static func path(_ name: String) -> String { Repository.fixture("models/plain/" + name) }

  /// The facts are those of the values, the digests those of the files, from every container.
  @Test func factsAndDigests() throws {
    for sources in [
      ["var.pth", "vae.pth"], ["var-legacy.pth", "vae.safetensors"], ["ar-ckpt-last.pth"],
    ] {
      let paths = sources.map(Self.path)
      let model = try SourceModel.open(others: paths)
      let survey = try Survey(model)
      let digests = try paths.map { path in
        SHA256Digest.hex(try SHA256Digest.digest(of: MappedFile(path)))
      }
      #expect(try survey.digests?.values() == digests)
      for (binding, facts) in zip(model.bindings, survey.facts) {
        let values = try binding.source.upstreamFloats()
        #expect(facts.largestMagnitude == values.map(abs).max(), "\(binding.source.name)")
      }
    }
  }

  /// A file that was surveyed without hashing, as for a dry run, is the same file when written.
  @Test func hashingMayComeLater() throws {
    let model = try SourceModel.open(others: [Self.path("ar-ckpt-last.pth")])
    let plans = try [true, false].map { hashing in
      try ConversionPlan(model, Survey(model, hashing: hashing), ConversionRecipe())
    }
    #expect(try Survey(model, hashing: false).digests?.values() == nil)
    #expect(try plans[0].metadata() == plans[1].metadata())
    #expect(try plans[0].fileSize() == plans[1].fileSize())
  }

  @Test func progressEndsAtTheEnd() throws {
    let model = try SourceModel.open(others: [Self.path("var.pth"), Self.path("vae.pth")])
    var last: ConversionProgress?
    _ = try Survey(model) { last = $0 }
    #expect(last?.done == last?.total)
    #expect(last?.phase == .examining)
  }
}
