package import VARQuant

/// What a tensor is for; the recipe of a conversion chooses its format by this.
package enum TensorRole: String, Equatable, Sendable, CaseIterable {
  /// Weight of a linear layer, [N, K] (out, in).
  case matrix
  /// Weight of a convolution: upstream [Cout, Cin, kh, kw], stored [Cout, kh, kw, Cin].
  case convolution
  /// A table looked up by index, or added by position.
  case embedding
  /// The rows that tokens stand for.
  case codebook
  /// Affine weight of a normalisation, or a learned scale.
  case norm
  /// Something added to every row.
  case bias

  /// Whether a tensor of this role can have a format: those of blocks are for factors of products.
  ///
  /// Asked by the recipe of a conversion, and of every file that is opened as a model.
  package func allows(_ format: TensorFormat) -> Bool {
    !format.isOnlyForProducts || self == .matrix || self == .convolution
  }
}

/// Which half of the model a tensor belongs to; its raw value prefixes the names in a `.varq` file.
package enum ModelHalf: String, Equatable, Sendable, CaseIterable {
  /// The VAR transformer.
  case transformer = "var"
  /// The multi-scale VQ-VAE.
  case tokenizer = "vae"
}

/// The part of a half that a tensor belongs to: what is read together, and what is as sensitive.
package enum ModelPart: String, Equatable, Sendable, CaseIterable {
  /// What turns classes, positions and tokens into the transformer's rows.
  case embedding
  /// The layers of adaLN, which read the class alone, once a picture.
  case conditioning
  /// Attention and feed-forward layers of the blocks.
  case block
  /// What predicts the tokens.
  case head
  /// From pixels to what is quantized.
  case encoder
  /// Codebook, phi, and the convolution before the decoder.
  case quantizer
  /// From features to pixels.
  case decoder
}

/// One tensor that a model of a given configuration has.
package struct TensorSpecification: Equatable, Sendable {
  /// Which half it belongs to.
  package let half: ModelHalf
  /// Which part of the half.
  package let part: ModelPart
  /// Its name in the official state dict.
  package let upstreamName: String
  /// Its shape in the official state dict.
  package let upstreamShape: [Int]
  /// What it is for.
  package let role: TensorRole
  /// Whether everything passes through it from one representation into another: pixels, features,
  /// latents, rows of the transformer. Such layers are few and small.
  package let isInterface: Bool

  /// Its name in a `.varq` file: the half, a dot, and the upstream name.
  package var name: String { half.rawValue + "." + upstreamName }

  /// Its shape in a `.varq` file: convolutions as [Cout, kh, kw, Cin], all others as upstream.
  package var storedShape: [Int] {
    guard role == .convolution, upstreamShape.count == 4 else { return upstreamShape }
    return [upstreamShape[0], upstreamShape[2], upstreamShape[3], upstreamShape[1]]
  }
}
