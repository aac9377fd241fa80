/// GroupNorm, SiLU, conv3×3 twice, added to the input or to its 1×1 projection.
package struct ResidualBlock<Visitor: ArchitectureVisitor>: Sendable {
  /// Of the input.
  package let norm1: Visitor.Norm
  /// Changes the number of channels.
  package let conv1: Visitor.Convolution
  /// Between the convolutions.
  package let norm2: Visitor.Norm
  /// Keeps the number of channels.
  package let conv2: Visitor.Convolution
  /// 1×1, where the number of channels changes.
  package let shortcut: Visitor.Linear?
}

/// GroupNorm and single-head self-attention over the pixels, added to the input.
package struct AttentionBlock<Visitor: ArchitectureVisitor>: Sendable {
  /// Of the input.
  package let norm: Visitor.Norm
  /// 1×1, [3C, C]: q, k, v.
  package let qkv: Visitor.Linear
  /// 1×1, [C, C].
  package let projection: Visitor.Linear
}

/// One step of encoder or decoder.
package enum ImageStage<Visitor: ArchitectureVisitor>: Sendable {
  /// Two convolutions.
  case residual(ResidualBlock<Visitor>)
  /// Attention over the pixels.
  case attention(AttentionBlock<Visitor>)
  /// Halves or doubles the side.
  case resample(Visitor.Convolution)
}

/// An encoder or a decoder: conv_in, the stages, GroupNorm, SiLU and conv_out (the VQGAN design).
package struct ImageNetwork<Visitor: ArchitectureVisitor>: Sendable {
  /// `conv_in`.
  package let input: Visitor.Convolution
  /// The stages in the order in which a run passes them.
  package let stages: [ImageStage<Visitor>]
  /// The official name of the part that ends with a stage: `mid`, `up3`, `down0`.
  package let partNames: [Int: String]
  /// `norm_out`.
  package let norm: Visitor.Norm
  /// `conv_out`.
  package let output: Visitor.Convolution
}

extension ImageNetwork {
  /// The encoder: levels from fine to coarse, then the middle.
  static func encoder(
    _ model: TokenizerConfiguration, _ names: inout LayerNamer<Visitor>
  ) throws(Visitor.Failure) -> ImageNetwork {
    let input = try names.convolution(
      .encoder, "encoder.conv_in", model.channels, 3, isInterface: true)
    var walk = StageWalk(.encoder, "encoder.", channels: model.channels)
    let lowest = model.multipliers.count - 1
    for (level, multiplier) in model.multipliers.enumerated() {
      try walk.level(
        "down.\(level)", blocks: model.residualBlocks, channels: model.channels * multiplier,
        attention: level == lowest, &names)
      if level != lowest { try walk.resample("down.\(level).downsample.conv", .down, &names) }
      walk.endPart("down\(level)")
    }
    try walk.middle(&names)
    return try walk.network(input, outputs: model.latentChannels, &names)
  }

  /// The decoder: the middle, then levels from coarse to fine with one more block each.
  static func decoder(
    _ model: TokenizerConfiguration, _ names: inout LayerNamer<Visitor>
  ) throws(Visitor.Failure) -> ImageNetwork {
    let channels = model.channels * (model.multipliers.last ?? 1)
    let input = try names.convolution(
      .decoder, "decoder.conv_in", channels, model.latentChannels, isInterface: true)
    var walk = StageWalk(.decoder, "decoder.", channels: channels)
    try walk.middle(&names)
    let lowest = model.multipliers.count - 1
    for (level, multiplier) in model.multipliers.enumerated().reversed() {
      try walk.level(
        "up.\(level)", blocks: model.residualBlocks + 1, channels: model.channels * multiplier,
        attention: level == lowest, &names)
      if level != 0 { try walk.resample("up.\(level).upsample.conv", .up, &names) }
      walk.endPart("up\(level)")
    }
    return try walk.network(input, outputs: 3, &names)
  }

  /// Collects the stages of a network while it keeps track of the channels.
  private struct StageWalk {
    private let part: ModelPart
    private let root: String
    private var channels: Int
    private var stages: [ImageStage<Visitor>] = []
    private var partNames: [Int: String] = [:]

    init(_ part: ModelPart, _ root: String, channels: Int) {
      self.part = part
      self.root = root
      self.channels = channels
    }

    mutating func level(
      _ name: String, blocks: Int, channels: Int, attention hasAttention: Bool,
      _ names: inout LayerNamer<Visitor>
    ) throws(Visitor.Failure) {
      for block in 0..<blocks {
        try residual(name + ".block.\(block)", channels: channels, &names)
        if hasAttention { try attention(name + ".attn.\(block)", &names) }
      }
    }

    mutating func middle(_ names: inout LayerNamer<Visitor>) throws(Visitor.Failure) {
      try residual("mid.block_1", channels: channels, &names)
      try attention("mid.attn_1", &names)
      try residual("mid.block_2", channels: channels, &names)
      endPart("mid")
    }

    mutating func endPart(_ name: String) { partNames[stages.count - 1] = name }

    mutating func resample(
      _ name: String, _ form: ConvolutionForm, _ names: inout LayerNamer<Visitor>
    ) throws(Visitor.Failure) {
      stages.append(
        .resample(try names.convolution(part, root + name, channels, channels, form)))
    }

    private mutating func residual(
      _ name: String, channels output: Int, _ names: inout LayerNamer<Visitor>
    ) throws(Visitor.Failure) {
      let name = root + name
      stages.append(
        .residual(
          try ResidualBlock(
            norm1: names.norm(part, name + ".norm1", channels),
            conv1: names.convolution(part, name + ".conv1", output, channels),
            norm2: names.norm(part, name + ".norm2", output),
            conv2: names.convolution(part, name + ".conv2", output, output),
            shortcut: output == channels
              ? nil : names.pointwise(part, name + ".nin_shortcut", output, channels))))
      channels = output
    }

    private mutating func attention(_ name: String, _ names: inout LayerNamer<Visitor>)
      throws(Visitor.Failure)
    {
      let name = root + name
      stages.append(
        .attention(
          try AttentionBlock(
            norm: names.norm(part, name + ".norm", channels),
            qkv: names.pointwise(part, name + ".qkv", 3 * channels, channels),
            projection: names.pointwise(part, name + ".proj_out", channels, channels))))
    }

    func network(
      _ input: Visitor.Convolution, outputs: Int, _ names: inout LayerNamer<Visitor>
    ) throws(Visitor.Failure) -> ImageNetwork {
      try ImageNetwork(
        input: input, stages: stages, partNames: partNames,
        norm: names.norm(part, root + "norm_out", channels),
        output: names.convolution(
          part, root + "conv_out", outputs, channels, isInterface: true))
    }
  }
}
