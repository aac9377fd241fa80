package import VARCompute
import VARModel

/// Generates batches of pictures scale by scale (section 3 of the paper).
///
/// Holds the KV cache and all other memory of a batch of fixed size; one at a time.
package final class Generator {
  /// Pictures of a batch, B.
  package let images: Int
  private let model: Model
  private let transformer: Transformer
  private let quantizer: Quantizer
  private let patchNumbers: [Int]
  private let vocabulary: Int
  private let pool: ThreadPool

  /// Allocates for batches of `images`.
  ///
  /// - Parameter guided: whether classifier-free guidance is wanted; it doubles the work.
  /// - Throws: ``ModelError/missingHalf(path:half:purpose:)``, `ComputeError.outOfMemory`.
  package init(_ model: Model, _ compute: Compute, images: Int, guided: Bool) throws {
    let weights = try model.transformer(for: "generating")
    self.model = model
    pool = compute.pool
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
  ///   - onStart: called before the first scale, when adaLN has been evaluated.
  /// - Returns: the pictures in the order of the labels; decode them with ``ImageCodec``.
  /// - Throws: ``ModelError`` for a request that doesn't suit, ``SamplingError``.
  package func generate(
    _ request: GenerationRequest, onScale: (ScaleEvent) throws -> Void = { _ in },
    onStart: () -> Void = {}
  ) throws -> [GeneratedImage] {
    let labels = try validated(request)
    let scales = patchNumbers.count
    let blend = EditBlend(request.edit, patchNumbers: patchNumbers)
    var drawing = TokenDrawing(
      request, vocabulary: vocabulary, patchNumbers: patchNumbers, images,
      pool: pool)

    try transformer.begin(labels: labels)
    quantizer.reset()
    onStart()
    for scale in 0..<scales {
      for block in transformer.weights.blocks.indices { try transformer.run(block: block) }
      let weight = request.options.guidanceWeight(scale: scale, of: scales)
      // Where the unconditional half has no weight it isn't computed.
      let logits = try clock.measure(.head) {
        try transformer.head(sequences: weight == 0 ? images : 2 * images)
      }
      let guided = try clock.measure(.sampling) {
        let guided = try guide(logits, weight: weight)
        try drawing.draw(from: guided, scale: scale)
        return guided
      }
      try clock.measure(.embedding) {
        try drawing.embed(guided, scale: scale, with: quantizer)
        blend?.apply(to: quantizer, scale: scale)
        try quantizer.accumulate(scale: scale)
      }
      try onScale(ScaleEvent(scale: scale, scales: scales, quantizer: quantizer))
      if scale + 1 < scales {
        try clock.measure(.embedding) {
          try transformer.embed(quantizer.nextInput(scale: scale + 1))
        }
      }
    }
    return (0..<images).map { image in
      let drawn = drawing.maps(image: image)
      return GeneratedImage(
        drawn: drawn, tokens: blend?.merged(drawn) ?? drawn, latent: quantizer.latent(image: image))
    }
  }

  /// Where the transformer's time goes; adds up until it is reset.
  var clock: OperationClock { transformer.clock }

  /// (1+t)·conditional − t·unconditional with t = cfg·k/(K−1), [B·n, V].
  private func guide(_ logits: FloatMatrix, weight: Double) throws -> FloatMatrix {
    guard weight != 0 else { return logits }
    let half = logits.rows / 2 * vocabulary
    try logits.buffer.withMutableSpan(in: 0..<half) { conditional in
      try logits.buffer.withSpan(in: half..<2 * half) { unconditional in
        try Sampler.guide(&conditional, unconditional: unconditional, weight: weight)
      }
    }
    return logits.rows(0..<logits.rows / 2)
  }

  /// The request's labels as rows of the class embedding.
  private func validated(_ request: GenerationRequest) throws(ModelError) -> [Int] {
    guard request.labels.count == images else {
      throw .count(of: "labels", expected: images, actual: request.labels.count)
    }
    try request.random.validate(images: images)
    if request.options.guidance != 0, transformer.sequences == images {
      throw .unguided
    }
    try request.edit?.validate(patchNumbers: patchNumbers, vocabulary: vocabulary)
    return try transformer.weights.configuration.rows(of: request.labels)
  }
}

extension TransformerConfiguration {
  /// The rows of the class embedding for labels; the unconditional class is its last row.
  func rows(of labels: [Int?]) throws(ModelError) -> [Int] {
    for case let label? in labels where label < 0 || label >= classes {
      throw .label(label, classes: classes)
    }
    return labels.map { $0 ?? classes }
  }
}
