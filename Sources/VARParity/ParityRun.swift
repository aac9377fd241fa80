package import VARCompute
package import VARCore
import VARModel
import VARQuant

/// Replays a reference by teacher forcing, compares every recorded tensor, then runs free.
package final class ParityRun {
  private let model: Model
  private let compute: Compute
  private let reference: ReferenceDump
  private let labels: [Int?]
  private let vocabulary: Int
  private let options: SamplingOptions
  private var report: ParityReport

  /// Checks that the reference can be one of this model.
  /// - Throws: ``ParityError``, `ModelError` where a half of the model is missing.
  package init(_ model: Model, _ compute: Compute, _ reference: ReferenceDump) throws {
    guard let shape = model.configuration.transformer else {
      throw ModelError.missingHalf(
        path: model.file.path, half: .transformer, purpose: "a comparison")
    }
    guard shape.patchNumbers == reference.patchNumbers else {
      throw ParityError.mismatch(
        path: reference.path, what: "patch_nums", expected: "\(shape.patchNumbers)",
        actual: "\(reference.patchNumbers)")
    }
    self.model = model
    self.compute = compute
    self.reference = reference
    let arguments = reference.arguments
    labels = arguments.labels.map { $0 == shape.classes ? nil : $0 }
    vocabulary = shape.vocabulary
    options = SamplingOptions(
      guidance: arguments.cfg, topK: arguments.topK, topP: arguments.topP,
      smooth: arguments.moreSmooth)
    report = ParityReport(
      limits: ParityLimits(format: model.coarsestFormat, mode: compute.mode))
  }

  /// Does it all.
  /// - Throws: ``ParityError``, `ModelError`, `SamplingError`, `CheckpointError`.
  package func run() throws -> ParityReport {
    compareDraws()
    try replay()
    try runFree()
    return report
  }

  private func compareDraws() {
    guard !reference.firstDraws.isEmpty else { return }
    var source = RandomSource(seed: reference.arguments.seed)
    report.sameDraws = reference.firstDraws.allSatisfy { $0 == source.nextExponential() }
  }

  /// Compares a tensor if the reference has it.
  private func compare(_ name: String, _ ours: @autoclosure () -> [Float]) throws {
    guard let values = try reference.floats(name) else { return }
    let ours = ours()
    guard let comparison = TensorComparison(name: name, ours, reference: values) else {
      throw ParityError.shape(
        path: reference.path, tensor: name, expected: ours.count, actual: values.count)
    }
    report.tensors.append(comparison)
  }
}

// MARK: Replay
extension ParityRun {
  private func replay() throws {
    let images = labels.count
    let side = reference.patchNumbers.last ?? 0
    let depth = model.configuration.transformer?.depth ?? 0
    // The official code always computes the unconditional half.
    let run = try StepwiseRun(
      model, compute, images: images, guided: true, purpose: "a comparison")
    var random = RandomSource(seed: reference.arguments.seed)
    try run.begin(labels: labels)
    try compare("cond", run.conditions.values)
    for scale in reference.patchNumbers.indices {
      if scale > 0 { run.advance(to: scale) }
      try compare("scale\(scale).input", run.activations.values)
      for block in 0..<depth {
        try run.run(block: block)
        try compare("scale\(scale).block\(block)", run.activations.values)
      }
      let embeddings = try predict(run, scale: scale, &random)
      try run.accumulate(embeddings, scale: scale)
      try compare("scale\(scale).fhat", planes(run.latent.array(), images, side * side))
    }
    try decode(run.latent.array(), images: images)
  }

  /// Compares the logits, draws from both, and returns the embeddings of the reference's tokens.
  private func predict(
    _ run: StepwiseRun, scale: Int, _ random: inout RandomSource
  ) throws -> [Float] {
    let raw = run.logits()
    try compare("scale\(scale).logits_raw", raw.values)
    var guided = try guide(raw, scale: scale)
    try compare("scale\(scale).logits", guided)
    let tokens = try reference.tokens(scale: scale)
    var ownRandom = random
    guard var other = try reference.floats("scale\(scale).logits"), other.count == guided.count
    else {
      // Nothing to compare with; the generator must pass over the draws all the same.
      _ = try draw(&guided, &random)
      return try embeddings(run, tokens, filtered: guided, scale: scale, &random)
    }
    let (ownLogits, otherLogits) = (guided, other)
    let drawn = try draw(&guided, &ownRandom)
    let referenceDrawn = try draw(&other, &random)
    report.predictions.append(
      PredictionComparison(
        scale: scale, ownLogits, reference: otherLogits, vocabulary: vocabulary, tokens: tokens,
        drawn: drawn, referenceDrawn: referenceDrawn))
    return try embeddings(run, tokens, filtered: other, scale: scale, &random)
  }

  private func guide(_ raw: FloatMatrix, scale: Int) throws -> [Float] {
    let all = raw.values
    var conditional = Array(all[..<(all.count / 2)])
    let unconditional = Array(all[(all.count / 2)...])
    var span = conditional.mutableSpan
    try Sampler.guide(
      &span, unconditional: unconditional.span,
      weight: options.guidanceWeight(scale: scale, of: reference.patchNumbers.count))
    return conditional
  }

  private func draw(_ logits: inout [Float], _ random: inout RandomSource) throws -> [Int32] {
    var tokens = [Int32](repeating: 0, count: logits.count / vocabulary)
    var sampler = Sampler(vocabulary: vocabulary, options: options)
    var logitSpan = logits.mutableSpan
    var tokenSpan = tokens.mutableSpan
    try sampler.draw(from: &logitSpan, using: &random, into: &tokenSpan)
    return tokens
  }

  /// The codebook rows of the tokens, or in smooth mode the mixtures of the reference's logits.
  private func embeddings(
    _ run: StepwiseRun, _ tokens: [Int32], filtered: [Float], scale: Int,
    _ random: inout RandomSource
  ) throws -> [Float] {
    let width = run.codebook.count / vocabulary
    if options.smooth {
      var mixed = [Float](repeating: 0, count: tokens.count * width)
      var span = mixed.mutableSpan
      var sampler = Sampler(vocabulary: vocabulary, options: options)
      try run.codebook.withSpan { codebook in
        try sampler.smoothEmbeddings(
          of: filtered.span,
          at: SamplingOptions.position(of: scale, among: reference.patchNumbers.count),
          codebook: codebook, using: &random, into: &span)
      }
      return mixed
    }
    return try tokens.enumerated().flatMap { position, token in
      guard token >= 0, Int(token) < vocabulary else {
        throw ModelError.token(
          Int(token), scale: scale, position: position, vocabulary: vocabulary)
      }
      return (0..<width).map { run.codebook[Int(token) * width + $0] }
    }
  }
}

// MARK: Decoder and free run
extension ParityRun {
  /// Decodes each picture; the reference holds the batch as [B, channels, height, width].
  private func decode(_ latents: [Float], images: Int) throws {
    let codec = try ImageCodec(model, compute)
    let count = latents.count / images
    var stages: [(name: String, values: [Float])] = []
    for image in 0..<images {
      var index = 0
      func add(_ name: String, _ values: [Float]) {
        if image == 0 { stages.append((name, [])) }
        stages[index].values += values
        index += 1
      }
      let pixels = try codec.decode(Array(latents[image * count..<(image + 1) * count])) {
        name, map in
        guard self.reference.shape("decoder." + name) != nil else { return }
        add("decoder." + name, self.planes(map.matrix.values, 1, map.pixels))
      }
      add("image", planes(pixels, 1, pixels.count / 3))
    }
    for stage in stages { try compare(stage.name, stage.values) }
  }

  private func runFree() throws {
    let images = labels.count
    let generator = try Generator(
      model, compute, images: images, guided: options.guidance != 0)
    let generated = try generator.generate(
      GenerationRequest(
        labels: labels, options: options,
        random: .batch(RandomSource(seed: reference.arguments.seed))))
    for scale in reference.patchNumbers.indices {
      let expected = try reference.tokens(scale: scale)
      let drawn = generated.flatMap { $0.drawn.scales[scale] }
      report.agreement.append(
        ParityReport.Agreement(
          scale: scale, same: zip(drawn, expected).count { $0 == $1 }, total: expected.count))
    }
    guard let expected = try reference.floats("image") else { return }
    let codec = try ImageCodec(model, compute)
    let count = expected.count / images
    report.freeRunPSNR = try generated.enumerated().map { image, tokens in
      let pixels = try codec.decode(tokens.latent)
      return psnr(
        planes(pixels, 1, pixels.count / 3), expected[image * count..<(image + 1) * count])
    }
  }

  /// Peak signal 1 over the mean squared difference, in dB.
  private func psnr(_ ours: [Float], _ reference: ArraySlice<Float>) -> Double {
    let squares = zip(ours, reference).reduce(0.0) { sum, pair in
      let difference = Double(pair.0) - Double(pair.1)
      return sum + difference * difference
    }
    return -10 * (squares / Double(max(1, ours.count))).decimalLogarithm
  }

  /// [images, pixels, channels] to PyTorch's [images, channels, pixels].
  private func planes(_ values: [Float], _ images: Int, _ pixels: Int) -> [Float] {
    let channels = values.count / max(1, images * pixels)
    var planes = [Float](repeating: 0, count: values.count)
    for image in 0..<images {
      for pixel in 0..<pixels {
        let source = (image * pixels + pixel) * channels
        for channel in 0..<channels {
          planes[(image * channels + channel) * pixels + pixel] = values[source + channel]
        }
      }
    }
    return planes
  }
}

extension FloatMatrix {
  /// The elements, row after row.
  fileprivate var values: [Float] {
    (0..<rows).flatMap { buffer.array(offset + $0 * stride..<offset + $0 * stride + columns) }
  }
}

extension Model {
  /// The coarsest format among the tensors; what is kept in higher precision doesn't count.
  fileprivate var coarsestFormat: TensorFormat {
    file.tensors.map(\.format).min { $0.accuracy.leastSQNR < $1.accuracy.leastSQNR } ?? .f32
  }
}
