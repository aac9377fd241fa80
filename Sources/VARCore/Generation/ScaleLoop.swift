package import VARCompute
package import VARModel

/// VAR's loop over scales (section 3.2 of the paper), the only one: generation, teacher forcing,
/// parity and benchmarks differ in their ``ScaleStep`` alone.
///
/// For each scale k: the blocks over its input, the head, tokens r_k by the step, their embeddings
/// added to f̂, and the next scale's input out of f̂. Holds the KV cache and all other memory of a
/// batch of fixed size.
package final class ScaleLoop {
  /// Images of a batch, B.
  package let images: Int
  /// Side of each scale's token map.
  package let patchNumbers: [Int]
  /// Token ids, V.
  package let vocabulary: Int
  /// Clock and cancellation of the run.
  package let monitor: RunMonitor
  private let transformer: Transformer
  private let quantizer: Quantizer

  /// Allocates for batches of `images`.
  ///
  /// - Parameters:
  ///   - guided: whether each image has a second sequence, for the unconditional class.
  ///   - purpose: what both halves are needed for, for messages.
  /// - Throws: ``ModelError/missingHalf(path:half:purpose:)``, `ComputeError.outOfMemory`.
  package init(
    _ model: Model, _ compute: Compute, images: Int, guided: Bool, purpose: String,
    monitor: RunMonitor = RunMonitor()
  ) throws {
    let weights = try model.transformer(for: purpose)
    self.images = max(1, images)
    self.monitor = monitor
    transformer = try Transformer(
      weights, compute, images: self.images, guided: guided, monitor: monitor)
    quantizer = try Quantizer(model.tokenizer(for: purpose), compute, images: self.images)
    patchNumbers = weights.configuration.patchNumbers
    vocabulary = weights.configuration.vocabulary
  }

  /// The memory of a batch.
  package var bytes: Int { transformer.bytes + quantizer.bytes }
  /// Sequences of the transformer, R: B, or 2B with guidance.
  package var sequences: Int { transformer.sequences }
  /// Class embeddings, [R, C].
  package var conditions: FloatMatrix { transformer.classConditions }
  /// The residual stream of the scale at hand, [R·n, C].
  package var activations: FloatMatrix { transformer.activations }
  /// f̂ of all images so far, [B, P, P, Z].
  package var features: FeatureMap { quantizer.features }
  /// The codebook, [V, Z].
  package var codebook: FloatVector { quantizer.weights.codebook }

  /// Runs all scales of one batch.
  ///
  /// - Parameters:
  ///   - labels: of the B images.
  ///   - step: chooses the tokens.
  ///   - onEvent: sees everything happen; what it throws ends the run.
  /// - Throws: ``ModelError/label(_:classes:)``, `CancellationError`, what step and events throw.
  package func run(
    labels: [ClassLabel], _ step: inout some ScaleStep,
    onEvent: (ScaleLoopEvent) throws -> Void = { _ in }
  ) throws {
    try transformer.begin(labels: transformer.weights.configuration.rows(of: labels))
    quantizer.reset()
    try onEvent(.began)
    for scale in patchNumbers.indices {
      if scale > 0 {
        try monitor.measure(.embedding) {
          try transformer.embed(quantizer.nextInput(scale: scale))
        }
      }
      try onEvent(.input(scale: scale))
      for block in transformer.weights.blocks.indices {
        try transformer.run(block: block)
        try onEvent(.block(block, scale: scale))
      }
      let logits = try monitor.measure(.head) {
        try transformer.head(sequences: step.sequences(scale: scale, of: self))
      }
      try monitor.measure(.sampling) { try step.choose(from: logits, scale: scale) }
      try monitor.measure(.embedding) {
        try step.embed(scale: scale, into: quantizer)
        try quantizer.accumulate(scale: scale)
      }
      try onEvent(.scale(ScaleEvent(scale: scale, scales: patchNumbers.count, loop: self)))
    }
  }
}

/// What differs between the users of a ``ScaleLoop``: where a scale's tokens come from.
package protocol ScaleStep {
  /// Sequences whose logits are wanted at a scale, from the first.
  func sequences(scale: Int, of loop: ScaleLoop) -> Int
  /// Looks at the scale's logits, [sequences·n, V], and chooses tokens; may overwrite the logits.
  mutating func choose(from logits: FloatMatrix, scale: Int) throws
  /// Puts the embeddings of the scale's tokens, [B, n, Z], into the quantizer.
  mutating func embed(scale: Int, into quantizer: Quantizer) throws
}

/// A moment of a run, in this order.
package enum ScaleLoopEvent {
  /// adaLN has been evaluated.
  case began
  /// The stream holds the input of a scale.
  case input(scale: Int)
  /// A block has written the stream.
  case block(Int, scale: Int)
  /// f̂ holds a scale.
  case scale(ScaleEvent)
}

/// A scale of a batch that is done.
package struct ScaleEvent {
  /// The scale, from 0.
  package let scale: Int
  /// Number of scales.
  package let scales: Int
  private let loop: ScaleLoop

  fileprivate init(scale: Int, scales: Int, loop: ScaleLoop) {
    self.scale = scale
    self.scales = scales
    self.loop = loop
  }

  /// f̂ of an image so far, [1, P, P, Z], which the next scale overwrites.
  package func features(image: Int) -> FeatureMap { loop.features.image(image) }
}
