/// Every tensor of a model by name, shape and role.
///
/// The converter writes by it, the loader binds by it, all or nothing. What is rebuilt instead of
/// stored (`lvl_1L`, `attn_bias_for_masking`, `zero_k_bias`, `ema_vocab_hit_SV`) is not in it; see
/// ``rebuiltBuffers(of:)``.
package struct TensorManifest: Equatable, Sendable {
  /// All tensors: the transformer's, then the VQ-VAE's, in the order in which a run visits them.
  package let tensors: [TensorSpecification]

  /// Lists the tensors of a configuration that has passed ``ModelConfiguration/validate()``.
  package init(_ configuration: ModelConfiguration) {
    var collector = TensorCollector()
    if let model = configuration.transformer { _ = TransformerArchitecture(model, &collector) }
    if let model = configuration.tokenizer { _ = TokenizerArchitecture(model, &collector) }
    self.tensors = collector.tensors
  }
}

/// Keeps the tensors of the layers that it visits, in their order.
private struct TensorCollector: ArchitectureVisitor {
  var tensors: [TensorSpecification] = []

  mutating func tensor(_ tensor: TensorSpecification) { tensors.append(tensor) }
  mutating func vector(_ tensor: TensorSpecification) { tensors.append(tensor) }
  mutating func linear(_ layer: AffineLayer) { tensors += [layer.weight, layer.bias] }
  mutating func attentionInput(_ layer: AttentionInputLayer) {
    tensors += [layer.queryBias, layer.valueBias, layer.weight]
  }
  mutating func convolution(_ layer: AffineLayer, _ form: ConvolutionForm) { linear(layer) }
  mutating func norm(_ layer: AffineLayer) { linear(layer) }
}
