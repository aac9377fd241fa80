/// How the adaptive LayerNorm parameters of a block are made from the class embedding.
package enum AdaLNForm: String, Equatable, Sendable, CaseIterable {
  /// Each block has its own linear layer, `blocks.N.ada_lin.1` [6C, C].
  case perBlock = "per-block"
  /// One model-wide linear layer `shared_ada_lin.1` [6C, C] plus an offset `blocks.N.ada_gss` a block.
  case shared
}

/// How attention scores are scaled.
package enum AttentionForm: String, Equatable, Sendable, CaseIterable {
  /// Queries and keys are l2-normalised, queries times exp(min(`scale_mul_1H11`, ln 100)).
  case l2Normalized = "l2-normalized"
  /// Plain dot products times 0.25/√(C/H); the model has no `scale_mul_1H11`.
  case plain
}

/// The shape of a VAR transformer.
///
/// Notation as in the paper: C width, H heads, V vocabulary, Z latent channels, K scales with
/// p_0..p_{K-1} tokens a side, L = Σ p_k².
package struct TransformerConfiguration: Equatable, Sendable {
  /// Number of blocks, D.
  package var depth: Int
  /// Channels of the residual stream, C.
  package var width: Int
  /// Attention heads, H; C/H channels each.
  package var heads: Int
  /// Channels of the feed-forward hidden layer (4C in every released model).
  package var hiddenWidth: Int
  /// Number of token ids, V.
  package var vocabulary: Int
  /// Channels of a codebook row, Z.
  package var latentChannels: Int
  /// Number of class labels, without the unconditional one.
  package var classes: Int
  /// Side lengths of the token maps, coarse to fine, p_0..p_{K-1}.
  package var patchNumbers: [Int]
  /// Where the adaptive LayerNorm parameters come from.
  package var adaLN: AdaLNForm
  /// How attention scores are scaled.
  package var attention: AttentionForm

  /// Makes a configuration; nothing is checked here, see ``ModelConfiguration/validate()``.
  package init(
    depth: Int, width: Int, heads: Int, hiddenWidth: Int, vocabulary: Int, latentChannels: Int,
    classes: Int, patchNumbers: [Int], adaLN: AdaLNForm, attention: AttentionForm
  ) {
    self.depth = depth
    self.width = width
    self.heads = heads
    self.hiddenWidth = hiddenWidth
    self.vocabulary = vocabulary
    self.latentChannels = latentChannels
    self.classes = classes
    self.patchNumbers = patchNumbers
    self.adaLN = adaLN
    self.attention = attention
  }

  /// Channels of one attention head, c = C/H.
  package var headWidth: Int { width / heads }
  /// Tokens of all scales together, L = Σ p_k².
  package var tokens: Int { patchNumbers.reduce(0) { $0 + $1 * $1 } }
}

/// How the phi convolutions of the quantizer are laid out over the scales.
package enum PhiLayout: Equatable, Sendable {
  /// One convolution for all scales, `quantize.quant_resi.qresi`.
  case shared
  /// N convolutions, `quantize.quant_resi.qresi_ls.{0..<N}`; a scale takes the nearest tick.
  case partiallyShared(Int)
  /// One convolution a scale, `quantize.quant_resi.{k}`.
  case perScale
}

/// The shape of a multi-scale VQ-VAE (the VQGAN design: encoder, quantizer, decoder).
package struct TokenizerConfiguration: Equatable, Sendable {
  /// Base channels, `ch`.
  package var channels: Int
  /// Channel multiplier of each resolution level, fine to coarse, `ch_mult`.
  package var multipliers: [Int]
  /// Residual blocks a level in the encoder (the decoder has one more), `num_res_blocks`.
  package var residualBlocks: Int
  /// Rows of the codebook, V.
  package var vocabulary: Int
  /// Channels of a codebook row, Z.
  package var latentChannels: Int
  /// Side lengths of the token maps, p_0..p_{K-1}.
  package var patchNumbers: [Int]
  /// Layout of the phi convolutions.
  package var phi: PhiLayout
  /// Weight r of the convolution in phi(h) = (1−r)·h + r·conv(h), `quant_resi` (0.5).
  package var phiRatio: Float
  /// Whether tokens are chosen by cosine with the codebook instead of distance, `using_znorm`.
  package var zNormalized: Bool

  /// Makes a configuration; nothing is checked here, see ``ModelConfiguration/validate()``.
  package init(
    channels: Int, multipliers: [Int], residualBlocks: Int, vocabulary: Int, latentChannels: Int,
    patchNumbers: [Int], phi: PhiLayout, phiRatio: Float, zNormalized: Bool
  ) {
    self.channels = channels
    self.multipliers = multipliers
    self.residualBlocks = residualBlocks
    self.vocabulary = vocabulary
    self.latentChannels = latentChannels
    self.patchNumbers = patchNumbers
    self.phi = phi
    self.phiRatio = phiRatio
    self.zNormalized = zNormalized
  }

  /// Side of the image in pixels: p_{K-1} · 2^(levels−1).
  package var imageSide: Int { (patchNumbers.last ?? 0) << max(0, multipliers.count - 1) }
  /// Tokens of all scales together, L = Σ p_k².
  package var tokens: Int { patchNumbers.reduce(0) { $0 + $1 * $1 } }
}

/// A whole model, or either half of one.
package struct ModelConfiguration: Equatable, Sendable {
  /// The transformer, if the file holds one.
  package var transformer: TransformerConfiguration?
  /// The VQ-VAE, if the file holds one.
  package var tokenizer: TokenizerConfiguration?
  /// Names of the classes, if known; as many as the transformer has classes.
  package var classNames: [String]
  /// Strength of guidance that the model is meant to be drawn with, if it is not the official one's.
  package var guidance: Double?

  /// Makes a configuration of one or both halves; nothing is checked here, see ``validate()``.
  package init(
    transformer: TransformerConfiguration?, tokenizer: TokenizerConfiguration?,
    classNames: [String] = [], guidance: Double? = nil
  ) {
    self.transformer = transformer
    self.tokenizer = tokenizer
    self.classNames = classNames
    self.guidance = guidance
  }
}
