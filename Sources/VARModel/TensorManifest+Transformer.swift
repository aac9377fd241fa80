extension ManifestBuilder {
  /// The transformer's tensors; names as in the official `VAR` module.
  mutating func add(_ model: TransformerConfiguration) {
    half = .transformer
    let width = model.width
    linear("word_embed", width, model.latentChannels)
    add("class_emb.weight", [model.classes + 1, width], .embedding)
    let first = (model.patchNumbers.first ?? 0)
    add("pos_start", [1, first * first, width], .embedding)
    add("pos_1LC", [1, model.tokens, width], .embedding)
    add("lvl_embed.weight", [model.patchNumbers.count, width], .embedding)
    if model.adaLN == .shared { linear("shared_ada_lin.1", 6 * width, width) }
    for block in 0..<model.depth { add(block: block, of: model) }
    linear("head_nm.ada_lin.1", 2 * width, width)
    linear("head", model.vocabulary, width)
  }

  private mutating func add(block: Int, of model: TransformerConfiguration) {
    let prefix = "blocks.\(block)."
    let width = model.width
    switch model.adaLN {
    case .perBlock: linear(prefix + "ada_lin.1", 6 * width, width)
    case .shared: add(prefix + "ada_gss", [1, 1, 6, width], .bias)
    }
    if model.attention == .l2Normalized {
      add(prefix + "attn.scale_mul_1H11", [1, model.heads, 1, 1], .norm)
    }
    add(prefix + "attn.q_bias", [width], .bias)
    add(prefix + "attn.v_bias", [width], .bias)
    add(prefix + "attn.mat_qkv.weight", [3 * width, width], .matrix)
    linear(prefix + "attn.proj", width, width)
    linear(prefix + "ffn.fc1", model.hiddenWidth, width)
    linear(prefix + "ffn.fc2", width, model.hiddenWidth)
  }
}
