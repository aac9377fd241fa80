public import VARCompute
import VARModel

/// Generates batches of pictures scale by scale (section 3 of the paper).
///
/// Holds the KV cache and all other memory of a batch of fixed size; one at a time.
public final class Generator {
  /// Pictures of a batch, B.
  public let images: Int
  private let model: Model
  private let transformer: Transformer
  private let quantizer: Quantizer
  private let patchNumbers: [Int]
  private let vocabulary: Int

  /// Allocates for batches of `images`.
  ///
  /// - Parameter guided: whether classifier-free guidance is wanted; it doubles the work.
  /// - Throws: ``ModelError/missingHalf(path:half:purpose:)``, `ComputeError.outOfMemory`.
  public init(_ model: Model, _ compute: Compute, images: Int, guided: Bool) throws {
    let weights = try model.transformer(for: "generating")
    self.model = model
    self.images = max(1, images)
    transformer = try Transformer(weights, compute, images: self.images, guided: guided)
    quantizer = try Quantizer(
      model.tokenizer(for: "generating"), compute, images: self.images)
    patchNumbers = weights.configuration.patchNumbers
    vocabulary = weights.configuration.vocabulary
  }

  /// Generates one batch.
  ///
  /// - Parameters:
  ///   - request: for exactly ``images`` pictures.
  ///   - onScale: called after each scale; what it throws ends the run.
  /// - Returns: the pictures in the order of the labels; decode them with ``ImageCodec``.
  /// - Throws: ``ModelError`` for a request that doesn't suit, ``SamplingError``.
  public func generate(
    _ request: GenerationRequest, onScale: (ScaleEvent) throws -> Void = { _ in }
  ) throws -> [GeneratedImage] {
    let labels = try validated(request)
    let scales = patchNumbers.count
    var random = request.random
    var sampler = Sampler(vocabulary: vocabulary, options: request.options)
    var drawn = DrawnTokens(patchNumbers: patchNumbers, images: images)
    let blend = EditBlend(request.edit, patchNumbers: patchNumbers)

    transformer.begin(labels: labels)
    quantizer.reset()
    for scale in 0..<scales {
      for block in transformer.weights.blocks.indices { transformer.run(block: block) }
      let logits = try guidedLogits(request.options, scale: scale)
      try drawn.draw(from: logits, scale: scale, &sampler, &random)
      try embed(&drawn, logits, scale: scale, &sampler, &random)
      blend?.apply(to: quantizer, scale: scale)
      quantizer.accumulate(scale: scale)
      try onScale(ScaleEvent(scale: scale, scales: scales, quantizer: quantizer))
      if scale + 1 < scales { transformer.embed(quantizer.nextInput(scale: scale + 1)) }
    }
    return (0..<images).map { image in
      let tokens = drawn.maps(image: image)
      return GeneratedImage(
        drawn: tokens, tokens: blend?.merged(tokens) ?? tokens,
        latent: quantizer.latent(image: image))
    }
  }
}
