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
}

/// Which half of the model a tensor belongs to; its raw value prefixes the names in a `.varq` file.
package enum ModelHalf: String, Equatable, Sendable, CaseIterable {
  /// The VAR transformer.
  case transformer = "var"
  /// The multi-scale VQ-VAE.
  case tokenizer = "vae"
}

/// One tensor that a model of a given configuration has.
package struct TensorSpecification: Equatable, Sendable {
  /// Which half it belongs to.
  package let half: ModelHalf
  /// Its name in the official state dict.
  package let upstreamName: String
  /// Its shape in the official state dict.
  package let upstreamShape: [Int]
  /// What it is for.
  package let role: TensorRole

  /// Its name in a `.varq` file: the half, a dot, and the upstream name.
  package var name: String { half.rawValue + "." + upstreamName }

  /// Its shape in a `.varq` file: convolutions as [Cout, kh, kw, Cin], all others as upstream.
  package var storedShape: [Int] {
    guard role == .convolution, upstreamShape.count == 4 else { return upstreamShape }
    return [upstreamShape[0], upstreamShape[2], upstreamShape[3], upstreamShape[1]]
  }
}

/// Every tensor of a model by name, shape and role: the single source of truth.
///
/// The converter writes by it, the loader binds by it, all or nothing. What is rebuilt instead of
/// stored (`lvl_1L`, `attn_bias_for_masking`, `zero_k_bias`, `ema_vocab_hit_SV`) is not in it; see
/// ``rebuiltBuffers(of:)``.
package struct TensorManifest: Equatable, Sendable {
  /// All tensors: the transformer's, then the VQ-VAE's, in the order in which a run visits them.
  package let tensors: [TensorSpecification]

  /// Lists the tensors of a configuration that has passed ``ModelConfiguration/validate()``.
  package init(_ configuration: ModelConfiguration) {
    var builder = ManifestBuilder()
    if let transformer = configuration.transformer { builder.add(transformer) }
    if let tokenizer = configuration.tokenizer { builder.add(tokenizer) }
    self.tensors = builder.tensors
  }
}

/// Collects specifications; the architecture-specific parts are extensions in files of their own.
struct ManifestBuilder {
  var half = ModelHalf.transformer
  var tensors: [TensorSpecification] = []

  mutating func add(_ name: String, _ shape: [Int], _ role: TensorRole) {
    tensors.append(
      TensorSpecification(half: half, upstreamName: name, upstreamShape: shape, role: role))
  }

  mutating func linear(_ name: String, _ outputs: Int, _ inputs: Int) {
    add(name + ".weight", [outputs, inputs], .matrix)
    add(name + ".bias", [outputs], .bias)
  }

  mutating func convolution(_ name: String, _ outputs: Int, _ inputs: Int, kernel: Int) {
    add(name + ".weight", [outputs, inputs, kernel, kernel], .convolution)
    add(name + ".bias", [outputs], .bias)
  }

  mutating func groupNorm(_ name: String, _ channels: Int) {
    add(name + ".weight", [channels], .norm)
    add(name + ".bias", [channels], .bias)
  }
}
