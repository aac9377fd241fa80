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

  init(_ binder: inout TensorBinder, _ configuration: TransformerConfiguration) throws {
    let layers = try TransformerArchitecture(configuration, &binder)
    self.configuration = configuration
    wordEmbedding = layers.wordEmbedding
    classEmbedding = layers.classEmbedding
    startPositions = layers.startPositions
    positions = try Self.positions(layers, configuration)
    sharedAdaLN = layers.sharedAdaLN
    blocks = layers.blocks.map { BlockWeights($0, configuration) }
    headAdaLN = layers.headAdaLN
    head = layers.head
  }

  private static func positions(
    _ layers: TransformerArchitecture<TensorBinder>, _ configuration: TransformerConfiguration
  ) throws -> FloatVector {
    var positions = try layers.positions.floats()
    let levels = layers.levels
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
  /// Where the block's six modulation vectors come from: a layer of its own, [6C, C], or an offset
  /// [6, C] to the model-wide layer.
  typealias AdaLN = TransformerBlock<TensorBinder>.AdaLN

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

  init(_ block: TransformerBlock<TensorBinder>, _ configuration: TransformerConfiguration) {
    adaLN = block.adaLN
    qkv = block.qkv
    scaling =
      block.scale.map { .l2Normalized(scaleMul: $0.array) }
      ?? .plain(factor: 0.25 / Float(configuration.headWidth).squareRoot())
    projection = block.projection
    fc1 = block.fc1
    fc2 = block.fc2
  }
}
