/// A buffer of the official state dict that carries nothing: not stored, but rebuilt for PyTorch's
/// strict loading.
package struct RebuiltBuffer: Equatable, Sendable {
  /// What it holds.
  package enum Content: String, Equatable, Sendable {
    /// The scale of each token, int64.
    case levels
    /// 0 where the row's token may look at the column's, otherwise −∞, f32.
    case mask
    /// Zeros that take part in the model, f32.
    case zeros
    /// A statistic of the training, of no use afterwards; rebuilt as zeros, f32.
    case statistic
  }

  /// Which half it belongs to.
  package let half: ModelHalf
  /// Its name in the official state dict.
  package let upstreamName: String
  /// Its shape in the official state dict.
  package let shape: [Int]
  /// What it holds.
  package let content: Content
}

extension TensorManifest {
  /// The buffers that the official modules of a configuration have besides the manifest's tensors.
  package static func rebuiltBuffers(of configuration: ModelConfiguration) -> [RebuiltBuffer] {
    var buffers: [RebuiltBuffer] = []
    if let model = configuration.transformer {
      func add(_ name: String, _ shape: [Int], _ content: RebuiltBuffer.Content) {
        buffers.append(
          RebuiltBuffer(half: .transformer, upstreamName: name, shape: shape, content: content))
      }
      add("lvl_1L", [1, model.tokens], .levels)
      add("attn_bias_for_masking", [1, 1, model.tokens, model.tokens], .mask)
      for block in 0..<model.depth {
        add("blocks.\(block).attn.zero_k_bias", [model.width], .zeros)
      }
    }
    if let model = configuration.tokenizer {
      buffers.append(
        RebuiltBuffer(
          half: .tokenizer, upstreamName: "quantize.ema_vocab_hit_SV",
          shape: [model.patchNumbers.count, model.vocabulary], content: .statistic))
    }
    return buffers
  }
}

extension TransformerConfiguration {
  /// The scale of each of the L tokens, `lvl_1L`.
  package var levels: [Int] {
    patchNumbers.enumerated().flatMap {
      Array(repeating: $0.offset, count: $0.element * $0.element)
    }
  }
}
