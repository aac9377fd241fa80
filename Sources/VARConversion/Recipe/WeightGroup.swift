package import VARModel

/// Large weights whose errors cost alike, so that a recipe gives them one format.
package struct WeightGroup: Equatable, Sendable {
  /// What people call it.
  package let name: String
  /// A regular expression for the names of its weights.
  package let pattern: String
  /// Whether it belongs to the VQ-VAE, whose errors are seen in pictures and not in predictions.
  package var isTokenizer: Bool { name.hasPrefix("vae-") }

  /// All groups; each large matrix and convolution belongs to the first that matches.
  ///
  /// The convolutions of encoder and decoder are split by resolution: the two finest levels have a
  /// tenth of the weights and most of the error.
  package static let all = [
    WeightGroup(name: "qkv", pattern: #"^var\.blocks\.\d+\.attn\.mat_qkv\.weight$"#),
    WeightGroup(name: "proj", pattern: #"^var\.blocks\.\d+\.attn\.proj\.weight$"#),
    WeightGroup(name: "fc1", pattern: #"^var\.blocks\.\d+\.ffn\.fc1\.weight$"#),
    WeightGroup(name: "fc2", pattern: #"^var\.blocks\.\d+\.ffn\.fc2\.weight$"#),
    WeightGroup(
      name: "ada_lin", pattern: #"^var\.(blocks\.\d+\.ada_lin|shared_ada_lin)\.1\.weight$"#),
    WeightGroup(name: "head_nm", pattern: #"^var\.head_nm\.ada_lin\.1\.weight$"#),
    WeightGroup(name: "head", pattern: #"^var\.head\.weight$"#),
    WeightGroup(name: "vae-fine", pattern: #"^vae\.(encoder\.down|decoder\.up)\.[01]\."#),
    WeightGroup(name: "vae-coarse", pattern: #"^vae\."#),
  ]

  private static let patterns = all.map { NamePattern(ours: $0.pattern) }

  /// The group of a tensor, as an index in ``all``; nil for what no recipe chooses a format for.
  package static func index(of tensor: TensorSpecification) -> Int? {
    guard ConversionRecipe.isChosen(tensor) else { return nil }
    return patterns.firstIndex { $0.matches(tensor.name) }
  }
}
