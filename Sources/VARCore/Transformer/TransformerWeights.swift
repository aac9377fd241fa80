import VARCompute
import VARModel
import VARQuant

/// The transformer's tensors: matrices stay mapped, vectors are read into memory.
struct TransformerWeights: Sendable {
  let configuration: TransformerConfiguration
  /// Latent channels to width: [C, Z].
  let wordEmbedding: LayerWeights
  /// [classes + 1, C]; the last row is the unconditional one.
  let classEmbedding: WeightMatrix
  /// `pos_start`, [p_0², C].
  let startPositions: FloatVector
  /// `lvl_embed` of each token's scale + `pos_1LC`, [L, C].
  let positions: FloatVector
  /// [6C, C], where the blocks share it.
  let sharedAdaLN: LayerWeights?
  let blocks: [BlockWeights]
  /// [2C, C]: scale, then shift.
  let headAdaLN: LayerWeights
  /// [V, C].
  let head: LayerWeights

  init(_ binder: TensorBinder, _ configuration: TransformerConfiguration) throws {
    self.configuration = configuration
    wordEmbedding = try binder.layer("var.word_embed")
    classEmbedding = try binder.matrix("var.class_emb.weight")
    startPositions = try binder.vector("var.pos_start")
    positions = try Self.positions(binder, configuration)
    sharedAdaLN =
      configuration.adaLN == .shared ? try binder.layer("var.shared_ada_lin.1") : nil
    blocks = try (0..<configuration.depth).map { try BlockWeights(binder, configuration, $0) }
    headAdaLN = try binder.layer("var.head_nm.ada_lin.1")
    head = try binder.layer("var.head")
  }

  private static func positions(
    _ binder: TensorBinder, _ configuration: TransformerConfiguration
  ) throws -> FloatVector {
    var positions = try binder.matrix("var.pos_1LC").floats()
    let levels = try binder.vector("var.lvl_embed.weight")
    let width = configuration.width
    var index = 0
    for (level, side) in configuration.patchNumbers.enumerated() {
      for _ in 0..<side * side {
        for channel in 0..<width {
          positions[index] = levels[level * width + channel] + positions[index]
          index += 1
        }
      }
    }
    return FloatVector(positions)
  }

  /// The matrices that only ``AdaLNTable`` reads, once a picture.
  var adaLNMatrices: [WeightMatrix] {
    blocks.compactMap { block in
      if case .linear(let layer) = block.adaLN { layer.weight } else { nil }
    } + [sharedAdaLN?.weight, headAdaLN.weight].compactMap { $0 }
  }

  /// All matrices, in the order in which a run reads them.
  var matrices: [WeightMatrix] {
    [classEmbedding] + adaLNMatrices
      + blocks.flatMap { [$0.qkv.weight, $0.projection.weight, $0.fc1.weight, $0.fc2.weight] }
      + [head.weight, wordEmbedding.weight]
  }
}

/// One block's tensors.
struct BlockWeights: Sendable {
  /// Where the block's six modulation vectors come from.
  enum AdaLN: Sendable {
    /// A layer of its own, [6C, C].
    case linear(LayerWeights)
    /// An offset [6, C] to the model-wide layer.
    case offset(FloatVector)
  }

  let adaLN: AdaLN
  /// [3C, C]; bias is q_bias, zeros, v_bias.
  let qkv: LayerWeights
  /// Of queries and keys: l2-normalised with a learned factor a head, or plain 0.25/√c.
  let scaling: QueryScaling
  /// [C, C].
  let projection: LayerWeights
  /// [hidden, C].
  let fc1: LayerWeights
  /// [C, hidden].
  let fc2: LayerWeights

  init(_ binder: TensorBinder, _ configuration: TransformerConfiguration, _ index: Int) throws {
    let name = "var.blocks.\(index)."
    switch configuration.adaLN {
    case .perBlock: adaLN = .linear(try binder.layer(name + "ada_lin.1"))
    case .shared: adaLN = .offset(try binder.vector(name + "ada_gss"))
    }
    let zeros = [Float](repeating: 0, count: configuration.width)
    let bias =
      try binder.matrix(name + "attn.q_bias").floats() + zeros
      + binder.matrix(name + "attn.v_bias").floats()
    qkv = LayerWeights(
      weight: try binder.matrix(name + "attn.mat_qkv.weight"), bias: FloatVector(bias))
    scaling = try Self.scaling(binder, configuration, name + "attn.scale_mul_1H11")
    projection = try binder.layer(name + "attn.proj")
    fc1 = try binder.layer(name + "ffn.fc1")
    fc2 = try binder.layer(name + "ffn.fc2")
  }

  private static func scaling(
    _ binder: TensorBinder, _ shape: TransformerConfiguration, _ name: String
  ) throws -> QueryScaling {
    switch shape.attention {
    case .l2Normalized: .l2Normalized(scaleMul: try binder.matrix(name).floats())
    case .plain: .plain(factor: 0.25 / Float(shape.headWidth).squareRoot())
    }
  }
}
