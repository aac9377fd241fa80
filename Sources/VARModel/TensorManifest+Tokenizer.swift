extension ManifestBuilder {
  /// The VQ-VAE's tensors; names as in the official `VQVAE` module.
  mutating func add(_ model: TokenizerConfiguration) {
    half = .tokenizer
    let latent = model.latentChannels
    addEncoder(model)
    convolution("quant_conv", latent, latent, kernel: 3)
    add("quantize.embedding.weight", [model.vocabulary, latent], .codebook)
    for name in model.phiNames {
      convolution("quantize.quant_resi." + name, latent, latent, kernel: 3)
    }
    convolution("post_quant_conv", latent, latent, kernel: 3)
    addDecoder(model)
  }

  private mutating func addEncoder(_ model: TokenizerConfiguration) {
    var channels = model.channels
    convolution("encoder.conv_in", channels, 3, kernel: 3)
    for level in model.multipliers.indices {
      let output = model.channels * model.multipliers[level]
      for block in 0..<model.residualBlocks {
        residual("encoder.down.\(level).block.\(block)", channels, output)
        channels = output
        if level == model.multipliers.count - 1 {
          attention("encoder.down.\(level).attn.\(block)", channels)
        }
      }
      if level != model.multipliers.count - 1 {
        convolution("encoder.down.\(level).downsample.conv", channels, channels, kernel: 3)
      }
    }
    middle("encoder.mid", channels)
    groupNorm("encoder.norm_out", channels)
    convolution("encoder.conv_out", model.latentChannels, channels, kernel: 3)
  }

  private mutating func addDecoder(_ model: TokenizerConfiguration) {
    var channels = model.channels * (model.multipliers.last ?? 1)
    convolution("decoder.conv_in", channels, model.latentChannels, kernel: 3)
    middle("decoder.mid", channels)
    for level in model.multipliers.indices.reversed() {
      let output = model.channels * model.multipliers[level]
      for block in 0...model.residualBlocks {
        residual("decoder.up.\(level).block.\(block)", channels, output)
        channels = output
        if level == model.multipliers.count - 1 {
          attention("decoder.up.\(level).attn.\(block)", channels)
        }
      }
      if level != 0 {
        convolution("decoder.up.\(level).upsample.conv", channels, channels, kernel: 3)
      }
    }
    groupNorm("decoder.norm_out", channels)
    convolution("decoder.conv_out", 3, channels, kernel: 3)
  }

  private mutating func middle(_ name: String, _ channels: Int) {
    residual(name + ".block_1", channels, channels)
    attention(name + ".attn_1", channels)
    residual(name + ".block_2", channels, channels)
  }

  private mutating func residual(_ name: String, _ inputs: Int, _ outputs: Int) {
    groupNorm(name + ".norm1", inputs)
    convolution(name + ".conv1", outputs, inputs, kernel: 3)
    groupNorm(name + ".norm2", outputs)
    convolution(name + ".conv2", outputs, outputs, kernel: 3)
    if inputs != outputs { convolution(name + ".nin_shortcut", outputs, inputs, kernel: 1) }
  }

  private mutating func attention(_ name: String, _ channels: Int) {
    groupNorm(name + ".norm", channels)
    convolution(name + ".qkv", 3 * channels, channels, kernel: 1)
    convolution(name + ".proj_out", channels, channels, kernel: 1)
  }
}

extension TokenizerConfiguration {
  /// Names of the phi convolutions below `quantize.quant_resi.`, in the order of their ticks.
  package var phiNames: [String] {
    switch phi {
    case .shared: ["qresi"]
    case .partiallyShared(let count): (0..<count).map { "qresi_ls.\($0)" }
    case .perScale: patchNumbers.indices.map { "\($0)" }
    }
  }

  /// Which phi convolution each scale uses: the one whose tick is nearest to k/(K−1).
  ///
  /// Rounding decides at K = 10, so the ticks are NumPy's `linspace`, in f64 and without FMA.
  package var phiIndices: [Int] {
    let scales = patchNumbers.count
    let count = phiNames.count
    if case .shared = phi { return Array(repeating: 0, count: scales) }
    let start = count == 4 ? 1.0 / 3 / 4 : 1.0 / 2 / Double(count)
    let end = 1 - start
    let step = count > 1 ? (end - start) / Double(count - 1) : 0
    let ticks = (0..<count).map { tick in
      tick == count - 1 && count > 1 ? end : Double(tick) * step + start
    }
    return (0..<scales).map { scale in
      let position = scales > 1 ? Double(scale) / Double(scales - 1) : 0
      let distances = ticks.map { abs($0 - position) }
      return distances.indices.min { distances[$0] < distances[$1] } ?? 0
    }
  }
}
