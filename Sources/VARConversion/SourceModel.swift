public import SafetensorsIO
public import TensorBytes
public import VARModel

/// The checkpoints of a conversion and the model that they make.
public struct SourceModel: Sendable {
  /// The shape of the model.
  public var configuration: ModelConfiguration
  /// Each half's tensors by upstream name, and the checkpoint that they are in.
  private var halves: [ModelHalf: (checkpoint: Checkpoint, tensors: [String: CheckpointTensor])] =
    [:]
  /// Every source file and what it holds.
  public var sourceFiles: [(role: String, file: MappedFile)] = []

  public init(checkpoints: [(role: String, checkpoint: Checkpoint)]) throws {
    configuration = ModelConfiguration(transformer: nil, tokenizer: nil)
    for (role, checkpoint) in checkpoints {
      for file in checkpoint.files { sourceFiles.append((role, file)) }
      var transformer: [String: CheckpointTensor] = [:]
      var tokenizer: [String: CheckpointTensor] = [:]
      for tensor in checkpoint.tensors {
        var name = tensor.name
        if name.hasPrefix("trainer.var_opt") { continue }
        for prefix in ["trainer.var_wo_ddp.", "trainer.vae_local.", "module.", "_orig_mod."]
        where name.hasPrefix(prefix) { name.removeFirst(prefix.count) }
        let isTokenizer =
          ["encoder.", "decoder.", "quant"].contains { name.hasPrefix($0) }
          || name.hasPrefix("post_quant")
        if isTokenizer { tokenizer[name] = tensor } else { transformer[name] = tensor }
      }
      if !transformer.isEmpty { halves[.transformer] = (checkpoint, transformer) }
      if !tokenizer.isEmpty { halves[.tokenizer] = (checkpoint, tokenizer) }
    }
    var patchNumbers = [1, 2, 3, 4, 5, 6, 8, 10, 13, 16]
    if let (checkpoint, tensors) = halves[.transformer] {
      func shape(_ name: String) -> [Int] { tensors[name]?.shape ?? [0, 0, 0, 0] }
      if let levels = tensors["lvl_1L"] {
        let values = try unsafe checkpoint.withContiguousBytes(of: levels) {
          unsafe Array($0.bindMemory(to: Int64.self))
        }
        patchNumbers = (0...(values.last ?? 0)).map { k in
          Int(Double(values.count { $0 == k }).squareRoot())
        }
      }
      let width = shape("word_embed.weight")[0]
      configuration.transformer = TransformerConfiguration(
        depth: tensors.keys.count { $0.hasSuffix("attn.mat_qkv.weight") }, width: width,
        heads: tensors["blocks.0.attn.scale_mul_1H11"]?.shape[1] ?? width / 64,
        hiddenWidth: shape("blocks.0.ffn.fc1.weight")[0], vocabulary: shape("head.weight")[0],
        latentChannels: shape("word_embed.weight")[1], classes: shape("class_emb.weight")[0] - 1,
        patchNumbers: patchNumbers,
        adaLN: tensors["shared_ada_lin.1.weight"] == nil ? .perBlock : .shared,
        attention: tensors["blocks.0.attn.scale_mul_1H11"] == nil ? .plain : .l2Normalized)
    }
    if let (_, tensors) = halves[.tokenizer] {
      func shape(_ name: String) -> [Int] { tensors[name]?.shape ?? [0, 0, 0, 0] }
      let channels = shape("encoder.conv_in.weight")[0]
      let levels = (0..<16).prefix { tensors["encoder.down.\($0).block.0.conv1.weight"] != nil }
      let phis = tensors.keys.count {
        $0.hasPrefix("quantize.quant_resi.qresi_ls.") && $0.hasSuffix("weight")
      }
      configuration.tokenizer = TokenizerConfiguration(
        channels: channels,
        multipliers: levels.map { shape("encoder.down.\($0).block.0.conv1.weight")[0] / channels },
        residualBlocks: (0..<16).count {
          tensors["encoder.down.0.block.\($0).conv1.weight"] != nil
        },
        vocabulary: shape("quantize.embedding.weight")[0],
        latentChannels: shape("quantize.embedding.weight")[1], patchNumbers: patchNumbers,
        phi: phis > 0
          ? .partiallyShared(phis)
          : tensors["quantize.quant_resi.qresi.weight"] != nil ? .shared : .perScale,
        phiRatio: 0.5, zNormalized: false)
    }
    try configuration.validate()
  }

  func source(of specification: TensorSpecification) throws -> SourceTensor {
    guard let (checkpoint, tensors) = halves[specification.half],
      let tensor = tensors[specification.upstreamName], tensor.shape == specification.upstreamShape
    else {
      throw ConversionError.manifest(
        path: "", tensor: specification.name, problem: "is missing or misshapen")
    }
    return SourceTensor(checkpoint: checkpoint, tensor: tensor)
  }
}
