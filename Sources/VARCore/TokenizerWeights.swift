import VARCompute
import VARModel
import VARQuant

/// The VQ-VAE's tensors: convolutions stay mapped, vectors and the codebook are read into memory.
struct TokenizerWeights: Sendable {
  let configuration: TokenizerConfiguration
  let encoder: EncoderWeights
  let decoder: DecoderWeights
  /// `quant_conv`, [Z, 3, 3, Z].
  let quantConvolution: LayerWeights
  /// `post_quant_conv`, [Z, 3, 3, Z].
  let postQuantConvolution: LayerWeights
  /// [V, Z], in the file.
  let codebookMatrix: WeightMatrix
  /// [V, Z], decoded.
  let codebook: FloatVector
  /// The phi convolution of each scale, [Z, 3, 3, Z].
  let phi: [LayerWeights]

  init(_ binder: TensorBinder, _ configuration: TokenizerConfiguration) throws {
    self.configuration = configuration
    encoder = try EncoderWeights(binder, configuration)
    decoder = try DecoderWeights(binder, configuration)
    quantConvolution = try binder.layer("vae.quant_conv")
    postQuantConvolution = try binder.layer("vae.post_quant_conv")
    codebookMatrix = try binder.matrix("vae.quantize.embedding.weight")
    codebook = FloatVector(decoding: codebookMatrix)
    let layers = try configuration.phiNames.map { try binder.layer("vae.quantize.quant_resi." + $0) }
    phi = configuration.phiIndices.map { layers[$0] }
  }
}

/// GroupNorm, SiLU, conv3×3 twice, added to the input or to its 1×1 projection.
struct ResidualWeights: Sendable {
  let norm1: NormWeights
  let conv1: LayerWeights
  let norm2: NormWeights
  let conv2: LayerWeights
  /// 1×1, where the number of channels changes.
  let shortcut: LayerWeights?

  init(_ binder: TensorBinder, _ name: String, changesChannels: Bool) throws {
    norm1 = try binder.norm(name + ".norm1")
    conv1 = try binder.layer(name + ".conv1")
    norm2 = try binder.norm(name + ".norm2")
    conv2 = try binder.layer(name + ".conv2")
    shortcut = changesChannels ? try binder.layer(name + ".nin_shortcut") : nil
  }
}

/// GroupNorm and single-head self-attention over the pixels, added to the input.
struct AttentionWeights: Sendable {
  let norm: NormWeights
  /// 1×1, [3C, C]: q, k, v.
  let qkv: LayerWeights
  /// 1×1, [C, C].
  let projection: LayerWeights

  init(_ binder: TensorBinder, _ name: String) throws {
    norm = try binder.norm(name + ".norm")
    qkv = try binder.layer(name + ".qkv")
    projection = try binder.layer(name + ".proj_out")
  }
}

/// One step of encoder or decoder.
enum ImageStage: Sendable {
  case residual(ResidualWeights)
  case attention(AttentionWeights)
  /// Stride 2, padded at the bottom and on the right.
  case downsample(LayerWeights)
  /// Nearest ×2, then the convolution.
  case upsample(LayerWeights)

  static func middle(_ binder: TensorBinder, _ name: String) throws -> [ImageStage] {
    [
      .residual(try ResidualWeights(binder, name + ".block_1", changesChannels: false)),
      .attention(try AttentionWeights(binder, name + ".attn_1")),
      .residual(try ResidualWeights(binder, name + ".block_2", changesChannels: false)),
    ]
  }
}

/// conv_in, the stages, GroupNorm, SiLU and conv_out of the encoder.
struct EncoderWeights: Sendable {
  let input: LayerWeights
  let stages: [ImageStage]
  let norm: NormWeights
  let output: LayerWeights

  init(_ binder: TensorBinder, _ configuration: TokenizerConfiguration) throws {
    let lowest = configuration.multipliers.count - 1
    var channels = configuration.channels
    var stages: [ImageStage] = []
    for (level, multiplier) in configuration.multipliers.enumerated() {
      let name = "vae.encoder.down.\(level)."
      for block in 0..<configuration.residualBlocks {
        let output = configuration.channels * multiplier
        stages.append(
          .residual(
            try ResidualWeights(
              binder, name + "block.\(block)", changesChannels: output != channels)))
        channels = output
        if level == lowest {
          stages.append(.attention(try AttentionWeights(binder, name + "attn.\(block)")))
        }
      }
      if level != lowest { stages.append(.downsample(try binder.layer(name + "downsample.conv"))) }
    }
    self.stages = stages + (try ImageStage.middle(binder, "vae.encoder.mid"))
    input = try binder.layer("vae.encoder.conv_in")
    norm = try binder.norm("vae.encoder.norm_out")
    output = try binder.layer("vae.encoder.conv_out")
  }
}

/// conv_in, the stages, GroupNorm, SiLU and conv_out of the decoder.
struct DecoderWeights: Sendable {
  let input: LayerWeights
  let stages: [ImageStage]
  let norm: NormWeights
  let output: LayerWeights

  init(_ binder: TensorBinder, _ configuration: TokenizerConfiguration) throws {
    let lowest = configuration.multipliers.count - 1
    var channels = configuration.channels * (configuration.multipliers.last ?? 1)
    var stages = try ImageStage.middle(binder, "vae.decoder.mid")
    for (level, multiplier) in configuration.multipliers.enumerated().reversed() {
      let name = "vae.decoder.up.\(level)."
      for block in 0...configuration.residualBlocks {
        let output = configuration.channels * multiplier
        stages.append(
          .residual(
            try ResidualWeights(
              binder, name + "block.\(block)", changesChannels: output != channels)))
        channels = output
        if level == lowest {
          stages.append(.attention(try AttentionWeights(binder, name + "attn.\(block)")))
        }
      }
      if level != 0 { stages.append(.upsample(try binder.layer(name + "upsample.conv"))) }
    }
    self.stages = stages
    input = try binder.layer("vae.decoder.conv_in")
    norm = try binder.norm("vae.decoder.norm_out")
    output = try binder.layer("vae.decoder.conv_out")
  }
}
