package import VARCompute
import VARModel

/// Generates batches of pictures scale by scale (section 3 of the paper), one batch at a time.
package final class Generator {
  /// The loop that runs, with the memory of a batch.
  package let loop: ScaleLoop
  private let pool: ThreadPool
  private let configuration: TransformerConfiguration

  /// Allocates for batches of `images`.
  ///
  /// - Parameter guided: whether classifier-free guidance is wanted; it doubles the work.
  /// - Throws: ``ModelError/missingHalf(path:half:purpose:)``, `ComputeError.outOfMemory`.
  package init(
    _ model: Model, _ compute: Compute, images: Int, guided: Bool,
    monitor: RunMonitor = RunMonitor()
  ) throws {
    configuration = try model.transformer(for: "generating").configuration
    pool = compute.pool
    loop = try ScaleLoop(
      model, compute, images: images, guided: guided, purpose: "generating", monitor: monitor)
  }

  /// Pictures of a batch, B.
  package var images: Int { loop.images }
  /// Whether guidance can be asked for.
  package var isGuided: Bool { loop.sequences > images }

  /// Generates one batch.
  ///
  /// - Parameters:
  ///   - request: for exactly ``images`` pictures.
  ///   - onEvent: sees everything happen; what it throws ends the run.
  /// - Returns: the pictures in the order of the labels; decode them with ``ImageCodec``.
  /// - Throws: ``ModelError`` for a request that doesn't suit, ``SamplingError``,
  ///   `CancellationError`.
  package func generate(
    _ request: GenerationRequest, onEvent: (ScaleLoopEvent) throws -> Void = { _ in }
  ) throws -> [GeneratedImage] {
    try validate(request)
    var step = try DrawingStep(
      request, configuration, images: images, pool: pool, monitor: loop.monitor)
    try loop.run(labels: request.labels, &step, onEvent: onEvent)
    return try (0..<images).map { image in
      let drawn = step.drawing.maps(image: image)
      return GeneratedImage(
        drawn: drawn, tokens: step.blend?.merged(drawn) ?? drawn,
        features: try loop.features.image(image).copy())
    }
  }

  private func validate(_ request: GenerationRequest) throws(ModelError) {
    guard request.labels.count == images else {
      throw .count(of: "labels", expected: images, actual: request.labels.count)
    }
    let side = configuration.patchNumbers.max() ?? 0
    try request.random.validate(
      images: images, elements: side * side * configuration.vocabulary)
    if request.options.guidance != 0, !isGuided { throw .unguided }
    try request.edit?.validate(
      patchNumbers: configuration.patchNumbers, vocabulary: configuration.vocabulary)
  }
}

/// Draws a scale's tokens from guided logits, and keeps an edited picture's own.
private struct DrawingStep: ScaleStep {
  var drawing: TokenDrawing
  let blend: EditBlend?
  private let options: SamplingOptions
  private let scales: Int
  private let images: Int
  private let vocabulary: Int
  /// The guided and filtered logits of the scale at hand, [B·n, V].
  private var logits: FloatMatrix?

  init(
    _ request: GenerationRequest, _ shape: TransformerConfiguration, images: Int, pool: ThreadPool,
    monitor: RunMonitor
  ) throws(ComputeError) {
    drawing = try TokenDrawing(
      request, vocabulary: shape.vocabulary, patchNumbers: shape.patchNumbers, images, pool: pool,
      monitor: monitor)
    blend = EditBlend(request.edit, patchNumbers: shape.patchNumbers)
    options = request.options
    scales = shape.patchNumbers.count
    vocabulary = shape.vocabulary
    self.images = images
  }

  private func weight(_ scale: Int) -> Double { options.guidanceWeight(scale: scale, of: scales) }

  /// Where the unconditional half has no weight it isn't computed.
  func sequences(scale: Int, of loop: ScaleLoop) -> Int {
    weight(scale) == 0 ? images : 2 * images
  }

  mutating func choose(from logits: FloatMatrix, scale: Int) throws {
    let guided = try guide(logits, weight: weight(scale))
    try drawing.draw(from: guided, scale: scale)
    self.logits = guided
  }

  mutating func embed(scale: Int, into quantizer: Quantizer) throws {
    guard let logits else { return }
    try drawing.embed(logits, scale: scale, with: quantizer)
    blend?.apply(to: quantizer, scale: scale)
  }

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
}

extension TransformerConfiguration {
  /// The rows of the class embedding for labels; the unconditional class is its last row.
  func rows(of labels: [ClassLabel]) throws(ModelError) -> [Int] {
    try labels.map { label throws(ModelError) in
      guard let id = label.id else { return classes }
      guard (0..<classes).contains(id) else { throw .label(id, classes: classes) }
      return id
    }
  }
}
