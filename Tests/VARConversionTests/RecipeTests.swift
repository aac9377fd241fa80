import Testing
import VARConversion
import VARQuant

@Suite struct FormatOverrideTests {
  @Test func lastEqualsSignSeparates() throws {
    let override = try FormatOverride("^var\\.(?=head)=f16")
    #expect(override.pattern == "^var\\.(?=head)")
    #expect(override.format == .f16)
  }

  @Test(arguments: [
    ("f16", RecipeError.malformedOverride("f16")), ("=f16", .malformedOverride("=f16")),
    ("head=q4", .unknownFormat("q4", override: "head=q4")),
    ("head=", .unknownFormat("", override: "head=")), ("(=f16", .invalidPattern("(")),
  ])
  func malformedOnesAreRefused(text: String, error: RecipeError) {
    #expect(throws: error) { _ = try FormatOverride(text) }
  }
}
