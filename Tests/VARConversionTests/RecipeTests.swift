import SafetensorsIO
import TestSupport
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
    ("head=q2", .unknownFormat("q2", override: "head=q2")),
    ("head=", .unknownFormat("", override: "head=")), ("(=f16", .invalidPattern("(")),
  ])
  func malformedOnesAreRefused(text: String, error: RecipeError) {
    #expect(throws: error) { _ = try FormatOverride(text) }
  }
}

/// Mixes of formats, and recipes as text.
@Suite struct ConversionRecipeTests {
  private func recipe(_ text: String) throws -> ConversionRecipe {
    let folder = try TemporaryFolder()
    let path = try folder.write([UInt8](text.utf8), to: "recipe.json")
    return try ConversionRecipe(contentsOf: path)
  }

  private func formats(_ recipe: ConversionRecipe) throws -> [String: TensorFormat] {
    let models = Repository.fixture("models/per-block")
    let model = try SourceModel.recognize(
      transformer: Checkpoint.open(models + "/var.pth"),
      tokenizer: Checkpoint.open(models + "/vae.pth"))
    return try ConversionPlan(model, Survey(model), recipe).tensors.reduce(into: [:]) {
      $0[$1.target.name] = $1.target.format
    }
  }

  @Test func mixesChooseByLayer() throws {
    let formats = try formats(ConversionRecipe(type: "mix4.25"))
    #expect(formats["var.blocks.0.attn.mat_qkv.weight"] == .q4)
    #expect(formats["var.blocks.1.attn.proj.weight"] == .q4)
    #expect(formats["var.blocks.0.ffn.fc1.weight"] == .q5)
    #expect(formats["var.blocks.0.ffn.fc2.weight"] == .q4)
    #expect(formats["var.blocks.0.ada_lin.1.weight"] == .q3)
    #expect(formats["var.head_nm.ada_lin.1.weight"] == .q3)
    #expect(formats["var.head.weight"] == .q6)
    #expect(formats["vae.decoder.mid.block_1.conv1.weight"] == .q4)
    #expect(formats["vae.decoder.up.0.block.0.conv1.weight"] == .q6)
    #expect(formats["vae.encoder.down.1.block.0.conv2.weight"] == .q6)
    #expect(formats["var.pos_1LC"] == .f16)
    #expect(formats["vae.quantize.embedding.weight"] == .f32)
  }

  @Test func namesAreKnown() throws {
    #expect(ConversionRecipe.types.prefix(2) == ["f32", "f16"])
    #expect(ConversionRecipe.types.suffix(2) == ["mix4", "mix3.8"])
    for type in ConversionRecipe.types {
      let recipe = try ConversionRecipe(type: type)
      #expect(recipe.name == type)
      #expect(recipe.rules.count == (type.hasPrefix("mix") ? 7 : 0), "a pattern of ours is wrong")
    }
    #expect(throws: RecipeError.unknownType("mix9")) { try ConversionRecipe(type: "mix9") }
  }

  @Test func textGivesTheRecipe() throws {
    let text = #"""
      {"recipe": 1, "name": "mine", "rules": [{"pattern": "\\.fc1\\.", "type": "q6"}],
       "otherwise": "q4", "overrides": [{"pattern": "^var\\.head\\.weight$", "type": "f16"}]}
      """#
    let recipe = try recipe(text)
    #expect(recipe.name == "mine")
    #expect(recipe.rules.map(\.text) == ["\\.fc1\\.=q6"])
    #expect(recipe.format == .q4)
    let formats = try formats(recipe)
    #expect(formats["var.blocks.0.ffn.fc1.weight"] == .q6)
    #expect(formats["var.blocks.0.ffn.fc2.weight"] == .q4)
    #expect(formats["var.head.weight"] == .f16)
    // The text of the metadata is read as the same recipe.
    #expect(try self.recipe(recipe.json).json == recipe.json)
    #expect(try self.recipe("{\"recipe\": \(recipe.json), \"tensors\": []}").json == recipe.json)
  }

  @Test(arguments: [
    ("[]", "the recipe is no object {…}"),
    ("{}", "it is no recipe: there is no number \"recipe\""),
    (#"{"recipe": 2}"#, "it is a recipe of version 2; known is 1"),
    (#"{"recipe": 1}"#, "the recipe has no text \"otherwise\""),
    (
      #"{"recipe": 1, "otherwise": "q2"}"#,
      "the recipe has \"otherwise\": \"q2\", which is no format; there are \(TensorFormat.names)"
    ),
    (#"{"recipe": 1, "otherwise": "q4", "rules": {}}"#, "\"rules\" is no list [...]"),
    (
      #"{"recipe": 1, "otherwise": "q4", "rule": []}"#,
      "the recipe has \"rule\"; known are recipe, name, rules, otherwise, overrides"
    ),
    (
      #"{"recipe": 1, "otherwise": "q4", "rules": [{"pattern": "a"}]}"#,
      "entry 1 of \"rules\" has no text \"type\""
    ),
  ])
  func whatIsNoRecipeIsRefused(text: String, problem: String) throws {
    do {
      _ = try recipe(text)
      Issue.record("\(text) was read")
    } catch RecipeError.text(_, let message) {
      #expect(message == problem)
    }
    #expect(throws: RecipeError.invalidPattern("(")) {
      try recipe(#"{"recipe": 1, "otherwise": "q4", "rules": [{"pattern": "(", "type": "q4"}]}"#)
    }
  }
}
