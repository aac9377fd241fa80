/// The VQ-VAE's layers, as a visitor has made them; names as in the official `VQVAE` module.
package struct TokenizerArchitecture<Visitor: ArchitectureVisitor>: Sendable {
  /// `encoder`.
  package let encoder: ImageNetwork<Visitor>
  /// `quant_conv`, [Z, Z, 3, 3].
  package let quantConvolution: Visitor.Convolution
  /// `quantize.embedding`, [V, Z].
  package let codebook: Visitor.Tensor
  /// `quantize.quant_resi.…`, [Z, Z, 3, 3] each, in the order of their ticks.
  package let phi: [Visitor.Convolution]
  /// `post_quant_conv`, [Z, Z, 3, 3].
  package let postQuantConvolution: Visitor.Convolution
  /// `decoder`.
  package let decoder: ImageNetwork<Visitor>

  /// Visits the layers of a configuration that has passed ``ModelConfiguration/validate()``.
  /// - Throws: what the visitor throws.
  package init(_ model: TokenizerConfiguration, _ visitor: inout Visitor) throws(Visitor.Failure) {
    var names = LayerNamer(half: .tokenizer, visitor: visitor)
    defer { visitor = names.visitor }
    let latent = model.latentChannels
    encoder = try .encoder(model, &names)
    quantConvolution = try names.convolution(
      .encoder, "quant_conv", latent, latent, isInterface: true)
    codebook = try names.tensor(
      .quantizer, "quantize.embedding.weight", [model.vocabulary, latent], .codebook)
    var phi: [Visitor.Convolution] = []
    for name in model.phiNames {
      phi.append(
        try names.convolution(
          .quantizer, "quantize.quant_resi." + name, latent, latent, isInterface: true))
    }
    self.phi = phi
    postQuantConvolution = try names.convolution(
      .quantizer, "post_quant_conv", latent, latent, isInterface: true)
    decoder = try .decoder(model, &names)
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

  /// Number of the phi convolutions.
  package var phiCount: Int {
    switch phi {
    case .shared: 1
    case .partiallyShared(let count): count
    case .perScale: patchNumbers.count
    }
  }

  /// Which phi convolution each scale uses: the one whose tick is nearest to k/(K−1).
  ///
  /// Rounding decides at K = 10, so the ticks are NumPy's `linspace`, in f64 and without FMA.
  package var phiIndices: [Int] {
    let scales = patchNumbers.count
    let count = phiCount
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
