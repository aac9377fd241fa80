/// The transformer's layers, as a visitor has made them; names as in the official `VAR` module.
package struct TransformerArchitecture<Visitor: ArchitectureVisitor>: Sendable {
  /// `word_embed`, [C, Z].
  package let wordEmbedding: Visitor.Linear
  /// `class_emb`, [classes + 1, C]; the last row is the unconditional one.
  package let classEmbedding: Visitor.Tensor
  /// `pos_start`, [1, p_0², C].
  package let startPositions: Visitor.Vector
  /// `pos_1LC`, [1, L, C].
  package let positions: Visitor.Tensor
  /// `lvl_embed`, [K, C].
  package let levels: Visitor.Vector
  /// `shared_ada_lin.1`, [6C, C], where the blocks share it.
  package let sharedAdaLN: Visitor.Linear?
  /// The blocks.
  package let blocks: [TransformerBlock<Visitor>]
  /// `head_nm.ada_lin.1`, [2C, C]: scale, then shift.
  package let headAdaLN: Visitor.Linear
  /// `head`, [V, C].
  package let head: Visitor.Linear

  /// Visits the layers of a configuration that has passed ``ModelConfiguration/validate()``.
  /// - Throws: what the visitor throws.
  package init(_ model: TransformerConfiguration, _ visitor: inout Visitor) throws(Visitor.Failure)
  {
    var names = LayerNamer(half: .transformer, visitor: visitor)
    defer { visitor = names.visitor }
    let width = model.width
    let first = model.patchNumbers.first ?? 0
    wordEmbedding = try names.linear(
      .embedding, "word_embed", width, model.latentChannels, isInterface: true)
    classEmbedding = try names.tensor(
      .embedding, "class_emb.weight", [model.classes + 1, width], .embedding)
    startPositions = try names.vector(
      .embedding, "pos_start", [1, first * first, width], .embedding)
    positions = try names.tensor(.embedding, "pos_1LC", [1, model.tokens, width], .embedding)
    levels = try names.vector(
      .embedding, "lvl_embed.weight", [model.patchNumbers.count, width], .embedding)
    sharedAdaLN =
      try model.adaLN == .shared
      ? names.linear(.conditioning, "shared_ada_lin.1", 6 * width, width) : nil
    var blocks: [TransformerBlock<Visitor>] = []
    for block in 0..<model.depth {
      blocks.append(try TransformerBlock(model, "blocks.\(block).", &names))
    }
    self.blocks = blocks
    headAdaLN = try names.linear(.conditioning, "head_nm.ada_lin.1", 2 * width, width)
    head = try names.linear(.head, "head", model.vocabulary, width)
  }
}

/// One block of the transformer.
package struct TransformerBlock<Visitor: ArchitectureVisitor>: Sendable {
  /// Where the block's six modulation vectors come from.
  package enum AdaLN: Sendable {
    /// A layer of its own, `ada_lin.1`, [6C, C].
    case linear(Visitor.Linear)
    /// An offset to the model-wide layer, `ada_gss`, [1, 1, 6, C].
    case offset(Visitor.Vector)
  }

  /// Of the block's two halves.
  package let adaLN: AdaLN
  /// `attn.scale_mul_1H11`, [1, H, 1, 1], where queries and keys are l2-normalised.
  package let scale: Visitor.Vector?
  /// `attn.mat_qkv` [3C, C] with its two biases.
  package let qkv: Visitor.Linear
  /// `attn.proj`, [C, C].
  package let projection: Visitor.Linear
  /// `ffn.fc1`, [hidden, C].
  package let fc1: Visitor.Linear
  /// `ffn.fc2`, [C, hidden].
  package let fc2: Visitor.Linear

  fileprivate init(
    _ model: TransformerConfiguration, _ prefix: String, _ names: inout LayerNamer<Visitor>
  ) throws(Visitor.Failure) {
    let width = model.width
    switch model.adaLN {
    case .perBlock:
      adaLN = .linear(try names.linear(.conditioning, prefix + "ada_lin.1", 6 * width, width))
    case .shared:
      adaLN = .offset(try names.vector(.block, prefix + "ada_gss", [1, 1, 6, width], .bias))
    }
    scale =
      try model.attention == .l2Normalized
      ? names.vector(.block, prefix + "attn.scale_mul_1H11", [1, model.heads, 1, 1], .norm) : nil
    qkv = try names.visitor.attentionInput(
      AttentionInputLayer(
        queryBias: names.specification(.block, prefix + "attn.q_bias", [width], .bias),
        valueBias: names.specification(.block, prefix + "attn.v_bias", [width], .bias),
        weight: names.specification(
          .block, prefix + "attn.mat_qkv.weight", [3 * width, width], .matrix)))
    projection = try names.linear(.block, prefix + "attn.proj", width, width)
    fc1 = try names.linear(.block, prefix + "ffn.fc1", model.hiddenWidth, width)
    fc2 = try names.linear(.block, prefix + "ffn.fc2", width, model.hiddenWidth)
  }
}
