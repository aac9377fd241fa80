internal import VARQuant

extension ConversionRecipe {
  /// Mixes of formats by what a layer's errors cost, measured on the demo model (`docs/shrink.md`):
  /// fc1 and the head are the tenderest, a third of the weights (adaLN) hardly matters, and in the
  /// VQ-VAE the two finest levels do.
  ///
  /// The number is the bits a weight of VAR-d16's transformer, scales included.
  static let mixes: [ConversionRecipe] = [
    mix("mix5", Mix(qkv: .q6, proj: .q5, fc1: .q6, fc2: .q5, adaLN: .q4, coarse: .q5)),
    mix("mix4.5", Mix(qkv: .q5, proj: .q5, fc1: .q5, fc2: .q4, adaLN: .q3, coarse: .q4)),
    mix("mix4.25", Mix(qkv: .q4, proj: .q4, fc1: .q5, fc2: .q4, adaLN: .q3, coarse: .q4)),
    mix("mix4", Mix(qkv: .q4, proj: .q4, fc1: .q4, fc2: .q4, adaLN: .q3, coarse: .q4)),
    mix("mix3.8", Mix(qkv: .q4, proj: .q3, fc1: .q4, fc2: .q3, adaLN: .q3, coarse: .q4)),
  ]

  /// Formats of the kinds of layers; the head and the VQ-VAE's finest levels are q6 in all mixes.
  private struct Mix {
    let qkv: TensorFormat
    let proj: TensorFormat
    let fc1: TensorFormat
    let fc2: TensorFormat
    /// Of adaLN in the blocks, shared or not, and before the head.
    let adaLN: TensorFormat
    /// Of the VQ-VAE's levels but the two finest.
    let coarse: TensorFormat
  }

  private static func mix(_ name: String, _ mix: Mix) -> ConversionRecipe {
    let rules: [(pattern: String, format: TensorFormat)] = [
      (#"^var\.blocks\.\d+\.attn\.mat_qkv\.weight$"#, mix.qkv),
      (#"^var\.blocks\.\d+\.attn\.proj\.weight$"#, mix.proj),
      (#"^var\.blocks\.\d+\.ffn\.fc1\.weight$"#, mix.fc1),
      (#"^var\.blocks\.\d+\.ffn\.fc2\.weight$"#, mix.fc2),
      (#"^var\..*ada_lin\.1\.weight$"#, mix.adaLN),
      (#"^var\.head\.weight$"#, .q6),
      (#"^vae\.(encoder\.down|decoder\.up)\.[01]\."#, .q6),
    ]
    return ConversionRecipe(
      name: name,
      rules: rules.map { FormatOverride(ours: $0.pattern, format: $0.format) },
      otherwise: mix.coarse)
  }
}
