import VARCompute
import VARModel
import VARQuant

/// GroupNorm, SiLU, conv3×3 twice, added to the input or to its 1×1 projection.
struct ResidualWeights: Sendable {
  let norm1: GroupNorm
  let conv1: Convolution
  let norm2: GroupNorm
  let conv2: Convolution
  /// 1×1, where the number of channels changes.
  let shortcut: LayerWeights?
}

/// GroupNorm and single-head self-attention over the pixels, added to the input.
struct AttentionWeights: Sendable {
  let norm: GroupNorm
  /// 1×1, [3C, C]: q, k, v.
  let qkv: LayerWeights
  /// 1×1, [C, C].
  let projection: LayerWeights
}

/// One step of encoder or decoder.
enum ImageStage: Sendable {
  case residual(ResidualWeights)
  case attention(AttentionWeights)
  /// Halves or doubles the side.
  case resample(Convolution)
}

/// An encoder or a decoder: conv_in, the stages, GroupNorm, SiLU and conv_out (the VQGAN design).
struct ImageNetwork: Sendable {
  let input: Convolution
  let stages: [ImageStage]
  /// The official name of the part that ends with a stage: `mid`, `up3`, `down0`.
  let partNames: [Int: String]
  let norm: GroupNorm
  let output: Convolution

  /// Binds the encoder: levels from fine to coarse, then the middle.
  static func encoder(
    _ binder: TensorBinder, _ shape: TokenizerConfiguration
  ) throws(ModelError) -> ImageNetwork {
    var builder = NetworkBuilder(binder, "vae.encoder", .direct, channels: shape.channels)
    let lowest = shape.multipliers.count - 1
    for (level, multiplier) in shape.multipliers.enumerated() {
      try builder.level(
        "down.\(level)", blocks: shape.residualBlocks, channels: shape.channels * multiplier,
        attention: level == lowest)
      if level != lowest { try builder.resample("down.\(level).downsample.conv", .down) }
      builder.endPart("down\(level)")
    }
    try builder.middle()
    return try builder.network()
  }

  /// Binds the decoder: the middle, then levels from coarse to fine with one more block each.
  static func decoder(
    _ binder: TensorBinder, _ shape: TokenizerConfiguration
  ) throws(ModelError) -> ImageNetwork {
    let lowest = shape.multipliers.count - 1
    var builder = NetworkBuilder(
      binder, "vae.decoder", .winograd, channels: shape.channels * (shape.multipliers.last ?? 1))
    try builder.middle()
    for (level, multiplier) in shape.multipliers.enumerated().reversed() {
      try builder.level(
        "up.\(level)", blocks: shape.residualBlocks + 1, channels: shape.channels * multiplier,
        attention: level == lowest)
      if level != 0 { try builder.resample("up.\(level).upsample.conv", .up) }
      builder.endPart("up\(level)")
    }
    return try builder.network()
  }
}

/// Collects the stages of a network while it keeps track of the channels.
private struct NetworkBuilder {
  private let binder: TensorBinder
  private let root: String
  private let algorithm: Convolution.Algorithm
  private var channels: Int
  private var stages: [ImageStage] = []
  private var partNames: [Int: String] = [:]

  init(
    _ binder: TensorBinder, _ root: String, _ algorithm: Convolution.Algorithm, channels: Int
  ) {
    self.binder = binder
    self.root = root + "."
    self.algorithm = algorithm
    self.channels = channels
  }

  mutating func level(
    _ name: String, blocks: Int, channels: Int, attention hasAttention: Bool
  ) throws(ModelError) {
    for block in 0..<blocks {
      try residual(name + ".block.\(block)", channels: channels)
      if hasAttention { try attention(name + ".attn.\(block)") }
    }
  }

  mutating func middle() throws(ModelError) {
    try residual("mid.block_1", channels: channels)
    try attention("mid.attn_1")
    try residual("mid.block_2", channels: channels)
    endPart("mid")
  }

  mutating func endPart(_ name: String) { partNames[stages.count - 1] = name }

  mutating func resample(_ name: String, _ form: Convolution.Form) throws(ModelError) {
    stages.append(.resample(try convolution(name, form)))
  }

  private mutating func residual(_ name: String, channels output: Int) throws(ModelError) {
    stages.append(
      .residual(
        ResidualWeights(
          norm1: try binder.norm(root + name + ".norm1"), conv1: try convolution(name + ".conv1"),
          norm2: try binder.norm(root + name + ".norm2"), conv2: try convolution(name + ".conv2"),
          shortcut: output == channels ? nil : try binder.layer(root + name + ".nin_shortcut"))))
    channels = output
  }

  private mutating func attention(_ name: String) throws(ModelError) {
    stages.append(
      .attention(
        AttentionWeights(
          norm: try binder.norm(root + name + ".norm"), qkv: try binder.layer(root + name + ".qkv"),
          projection: try binder.layer(root + name + ".proj_out"))))
  }

  private func convolution(
    _ name: String, _ form: Convolution.Form = .same
  ) throws(ModelError) -> Convolution {
    try binder.convolution(root + name, form: form, algorithm: algorithm)
  }

  func network() throws(ModelError) -> ImageNetwork {
    ImageNetwork(
      input: try convolution("conv_in"), stages: stages, partNames: partNames,
      norm: try binder.norm(root + "norm_out"), output: try convolution("conv_out"))
  }
}
