package import VARCompute
package import VARCore
import VARImages
import VARModel
import VARQuant

/// Replays a reference by teacher forcing, compares every recorded tensor, then runs free.
package final class ParityRun {
  private let model: Model
  private let compute: Compute
  private let reference: ReferenceDump
  private let labels: [ClassLabel]
  private let vocabulary: Int
  private let options: SamplingOptions
  private var report: ParityReport
  /// The last stream that the reference recorded, if it is what the next block reads.
  private var stream: (ours: [Float], reference: [Float])?
  /// Our pictures from the reference's tokens, to be looked at.
  private var replayed: [Image] = []

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
    labels = arguments.labels.map { $0 == shape.classes ? .unconditional : .id($0) }
    vocabulary = shape.vocabulary
    options = SamplingOptions(
      guidance: arguments.cfg, topK: arguments.topK, topP: arguments.topP,
      smooth: arguments.moreSmooth)
    report = ParityReport(
      limits: ParityLimits(
        format: model.coarsestFormat, mode: compute.mode, reference: arguments.autocast),
      run: "\(arguments)")
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
    var source = generator
    source.beginTensor(reference.firstDraws.count)
    let draws = source.exponentials(reference.firstDraws.count)
    // A GPU's logarithm is not exact.
    let tolerance: Float = reference.arguments.device == .cpu ? 0 : 0x1p-20
    report.sameDraws = zip(reference.firstDraws, draws).allSatisfy { abs($0 - $1) <= tolerance }
  }

  /// The one generator of the reference's batch.
  private var generator: TorchGenerator {
    TorchGenerator(seed: reference.arguments.seed, on: reference.arguments.device)
  }

  /// Compares a tensor if the reference has it, and returns both.
  @discardableResult private func compare(
    _ name: String, _ ours: @autoclosure () -> [Float]
  ) throws -> (ours: [Float], reference: [Float])? {
    guard let values = try reference.floats(name) else { return nil }
    let ours = ours()
    guard let comparison = TensorComparison(name: name, ours, reference: values) else {
      throw ParityError.shape(
        path: reference.path, tensor: name, expected: ours.count, actual: values.count)
    }
    report.tensors.append(comparison)
    return (ours, values)
  }
}

// MARK: Replay
extension ParityRun {
  private func replay() throws {
    // The official code always computes the unconditional half.
    let loop = try ScaleLoop(
      model, compute, images: labels.count, guided: true, purpose: "a comparison")
    var step = ReplayStep(run: self, random: generator)
    try loop.run(labels: labels, &step) { event in
      switch event {
      case .began:
        try compare("cond", loop.conditions.values)
      case .input(let scale):
        stream = try compare("scale\(scale).input", loop.activations.values)
      case .block(let block, let scale):
        try compareBlock(block, scale, loop.activations)
      case .scale(let event):
        try compare(
          "scale\(event.scale).fhat",
          planes(loop.features.values, labels.count, loop.features.pixels))
      }
    }
    try decode(loop.features)
  }

  /// Compares what a block writes and, where its input was recorded, what it adds.
  private func compareBlock(_ block: Int, _ scale: Int, _ output: FloatMatrix) throws {
    let before = stream
    stream = try compare("scale\(scale).block\(block)", output.values)
    guard let before, let after = stream else { return }
    let index =
      report.gains.firstIndex { $0.block == block }
      ?? {
        report.gains.append(BlockGain(block: block))
        return report.gains.count - 1
      }()
    report.gains[index].add(
      ours: (before.ours, after.ours), reference: (before.reference, after.reference))
  }

  /// Compares the logits, draws from both, and returns the reference's filtered logits, from which
  /// smooth mode mixes.
  fileprivate func predict(
    _ raw: FloatMatrix, scale: Int, _ random: inout TorchGenerator
  ) throws -> [Float] {
    try compare("scale\(scale).logits_raw", raw.values)
    var guided = try guide(raw, scale: scale)
    try compare("scale\(scale).logits", guided)
    var ownRandom = random
    guard var other = try reference.floats("scale\(scale).logits"), other.count == guided.count
    else {
      // Nothing to compare with; the generator must pass over the draws all the same.
      _ = try draw(&guided, &random)
      return guided
    }
    let (ownLogits, otherLogits) = (guided, other)
    let drawn = try draw(&guided, &ownRandom)
    let referenceDrawn = try draw(&other, &random)
    report.predictions.append(
      PredictionComparison(
        scale: scale, ownLogits, reference: otherLogits, vocabulary: vocabulary,
        tokens: try reference.tokens(scale: scale), drawn: drawn, referenceDrawn: referenceDrawn))
    return other
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

  private func draw(_ logits: inout [Float], _ random: inout TorchGenerator) throws -> [Int32] {
    random.beginTensor(logits.count)
    var tokens = [Int32](repeating: 0, count: logits.count / vocabulary)
    var sampler = try Sampler(vocabulary: vocabulary, options: options)
    var logitSpan = logits.mutableSpan
    var tokenSpan = tokens.mutableSpan
    try sampler.draw(from: &logitSpan, using: &random, into: &tokenSpan)
    return tokens
  }

  /// The codebook rows of the tokens, or in smooth mode the mixtures of the reference's logits.
  fileprivate func embeddings(
    filtered: [Float], scale: Int, codebook: FloatVector, _ random: inout TorchGenerator
  ) throws -> [Float] {
    let tokens = try reference.tokens(scale: scale)
    let width = codebook.count / vocabulary
    if options.smooth {
      var mixed = [Float](repeating: 0, count: tokens.count * width)
      var span = mixed.mutableSpan
      var sampler = try Sampler(vocabulary: vocabulary, options: options)
      random.beginTensor(filtered.count)
      try codebook.withSpan { codebook in
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
      return (0..<width).map { codebook[Int(token) * width + $0] }
    }
  }
}

/// Takes the reference's tokens, and shows the logits that predict them.
private struct ReplayStep: ScaleStep {
  let run: ParityRun
  var random: TorchGenerator
  private var filtered: [Float] = []

  init(run: ParityRun, random: TorchGenerator) {
    self.run = run
    self.random = random
  }

  func sequences(scale: Int, of loop: ScaleLoop) -> Int { loop.sequences }

  mutating func choose(from logits: FloatMatrix, scale: Int) throws {
    filtered = try run.predict(logits, scale: scale, &random)
  }

  mutating func embed(scale: Int, into quantizer: Quantizer) throws {
    quantizer.embed(
      try run.embeddings(
        filtered: filtered, scale: scale, codebook: quantizer.codebook, &random))
  }
}

// MARK: Decoder and free run
extension ParityRun {
  /// Decodes each picture of f̂ [B, P, P, Z]; the reference holds the batch as
  /// [B, channels, height, width].
  private func decode(_ features: FeatureMap) throws {
    let codec = try ImageCodec(model, compute)
    var stages: [(name: String, values: [Float])] = []
    for image in 0..<features.images {
      var index = 0
      func add(_ name: String, _ values: [Float]) {
        if image == 0 { stages.append((name, [])) }
        stages[index].values += values
        index += 1
      }
      let pixels = try codec.decodeValues(features.image(image)) { name, map in
        guard self.reference.shape("decoder." + name) != nil else { return }
        add("decoder." + name, self.planes(map.values, 1, map.pixels))
      }
      add("image", planes(pixels, 1, pixels.count / 3))
      if image < ParityReport.pictureLimit {
        replayed.append(try Image(width: codec.side, height: codec.side, unit: pixels.span))
      }
    }
    for stage in stages { try compare(stage.name, stage.values) }
  }

  private func runFree() throws {
    let images = labels.count
    let generator = try Generator(
      model, compute, images: images, guided: options.guidance != 0)
    let generated = try generator.generate(
      GenerationRequest(
        labels: labels, options: options, random: .batch(self.generator)))
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
      let pixels = try codec.decodeValues(tokens.features)
      let other = expected[image * count..<(image + 1) * count]
      if image < replayed.count {
        report.pictures.append(
          ParityReport.Pictures(
            reference: try picture(other, codec.side), replayed: replayed[image],
            free: try Image(width: codec.side, height: codec.side, unit: pixels.span)))
      }
      return psnr(planes(pixels, 1, pixels.count / 3), other)
    }
  }

  /// PyTorch's [channels, height, width] with values of 0 to 1.
  private func picture(_ planes: ArraySlice<Float>, _ side: Int) throws -> Image {
    let pixels = planes.count / 3
    let values = (0..<pixels * 3).map { planes[planes.startIndex + $0 % 3 * pixels + $0 / 3] }
    return try Image(width: side, height: side, unit: values.span)
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

extension Model {
  /// The coarsest format among the tensors; what is kept in higher precision doesn't count.
  fileprivate var coarsestFormat: TensorFormat {
    file.tensors.map(\.format).min { $0.accuracy.leastSQNR < $1.accuracy.leastSQNR } ?? .f32
  }
}
