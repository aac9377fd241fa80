internal import SafetensorsIO
internal import TensorBytes
internal import VARModel

/// Infers a model's shape from the names and shapes of its tensors.
struct ArchitectureInference {
  let transformer: StateDict?
  let tokenizer: StateDict?
  let options: ConversionOptions

  init(_ transformer: StateDict?, _ tokenizer: StateDict?, _ options: ConversionOptions) {
    self.transformer = transformer
    self.tokenizer = tokenizer
    self.options = options
  }

  /// The validated configuration; the tensors are yet to be matched against its manifest.
  /// - Throws: ``ArchitectureError``, and errors of reading `lvl_1L`.
  func configuration() throws -> ModelConfiguration {
    let patchNumbers = try patchNumbers()
    let configuration = ModelConfiguration(
      transformer: try transformer.map { try transformerShape($0, patchNumbers) },
      tokenizer: try tokenizer.map { try tokenizerShape($0, patchNumbers) },
      guidance: options.guidance)
    do throws(ConfigurationError) {
      try configuration.validate()
    } catch { throw ArchitectureError.configuration(error) }
    return configuration
  }

  private func transformerShape(
    _ state: StateDict, _ patchNumbers: [Int]
  ) throws(ArchitectureError) -> TransformerConfiguration {
    let embedding = try state.shape("word_embed.weight", rank: 2)
    let classes = try state.shape("class_emb.weight", rank: 2)[0]
    let width = embedding[0]
    return TransformerConfiguration(
      depth: state.count(below: "blocks"), width: width, heads: try heads(state, width: width),
      hiddenWidth: try state.shape("blocks.0.ffn.fc1.weight", rank: 2)[0],
      vocabulary: try state.shape("head.weight", rank: 2)[0], latentChannels: embedding[1],
      // The last row is the unconditional class.
      classes: max(0, classes - 1), patchNumbers: patchNumbers,
      adaLN: state.tensors[name: "shared_ada_lin.1.weight"] == nil ? .perBlock : .shared,
      attention: state.tensors[name: Self.scaleName] == nil ? .plain : .l2Normalized)
  }

  private static let scaleName = "blocks.0.attn.scale_mul_1H11"

  private func heads(_ state: StateDict, width: Int) throws(ArchitectureError) -> Int {
    guard state.tensors[name: Self.scaleName] != nil else { return options.heads ?? width / 64 }
    let inferred = try state.shape(Self.scaleName, rank: 4)[1]
    if let given = options.heads, given != inferred {
      throw .heads(path: state.path, given: given, inferred: inferred)
    }
    return inferred
  }

  private func tokenizerShape(
    _ state: StateDict, _ patchNumbers: [Int]
  ) throws(ArchitectureError) -> TokenizerConfiguration {
    let codebook = try state.shape("quantize.embedding.weight", rank: 2)
    let channels = try state.shape("encoder.conv_in.weight", rank: 4)[0]
    var multipliers: [Int] = []
    // More levels than validation allows need not be looked at.
    for level in 0..<min(state.count(below: "encoder.down"), 16) {
      let output = try state.shape("encoder.down.\(level).block.0.conv1.weight", rank: 4)[0]
      // A remainder shows as a wrong shape when the tensors are matched.
      multipliers.append(channels > 0 ? output / channels : 0)
    }
    return TokenizerConfiguration(
      channels: channels, multipliers: multipliers,
      residualBlocks: state.count(below: "encoder.down.0.block"), vocabulary: codebook[0],
      latentChannels: codebook[1], patchNumbers: patchNumbers, phi: phiLayout(state),
      phiRatio: options.phiRatio, zNormalized: options.zNormalized)
  }

  private func phiLayout(_ state: StateDict) -> PhiLayout {
    let prefix = "quantize.quant_resi"
    if state.tensors[name: prefix + ".qresi.weight"] != nil { return .shared }
    let shared = state.count(below: prefix + ".qresi_ls")
    if shared > 0 { return .partiallyShared(shared) }
    if state.tensors[name: prefix + ".0.weight"] != nil { return .perScale }
    // None at all: the official layout, whose tensors are then reported as missing.
    return .partiallyShared(4)
  }
}
