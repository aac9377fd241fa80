internal import LinearAlgebra
internal import Platform
package import TensorBytes
package import VARCompute
package import VARConversion
internal import VARCore
internal import VARModel
package import VARQuant

/// Makes the content of a plan's low-bit tensors by GPTQ, and corrects the biases of their layers.
///
/// The converter asks for tensors in the order of the file, which is that of a run. What belongs to a
/// part of the model, such as a block, is calibrated when the first of its tensors is asked for, and
/// forgotten as it is written: memory holds one part's Hessians and the pictures' residual streams.
/// All Hessians are those of the unquantized model; gathering them behind quantized layers gained
/// nothing.
package final class Calibrator: TensorCalibration {
  private let layers: CalibratedLayers
  private let options: CalibrationOptions
  private let compute: Compute
  private let blas: BLAS
  private let model: Model
  private let pictures: CalibrationPictures
  private var tracker: WorkTracker
  /// Content that nobody has asked for yet, by the tensor's name.
  private var ready: [String: Content] = [:]
  private var pass: BlockwisePass?
  private var nextBlock = 0
  private var conditioning: (mean: [Double], factors: [InverseFactor]?)?
  /// Tensors whose damped Hessian is not positive definite: they have searched scales alone.
  package private(set) var fallbacks: [String] = []

  private enum Content {
    case weight(GPTQ)
    case bias([Float])
  }

  /// Copies the weights of a plan to where they can be computed with, and gets the pictures.
  /// - Parameters:
  ///   - source: of the plan.
  ///   - file: the output, beside which the copy is made, without a name.
  ///   - progress: is told about every step, here and while the plan is written.
  /// - Throws: ``CalibrationError``, ``BLAS/Unavailable``, `OutputError`, errors of pictures and model.
  package convenience init(
    _ plan: ConversionPlan, of source: SourceModel, beside file: OutputFile, _ compute: Compute,
    _ options: CalibrationOptions, progress: @escaping (CalibrationProgress) -> Void = { _ in }
  ) throws {
    let layers = CalibratedLayers(plan)
    guard !layers.all.isEmpty else { throw CalibrationError.nothingToCalibrate }
    guard source.configuration.transformer != nil, source.configuration.tokenizer != nil else {
      throw CalibrationError.halfModel
    }
    let blas = try BLAS.open()
    let compute = compute.with(mode: .f32)
    var tracker = WorkTracker(source.configuration, layers, options, progress)
    let model = try source.runnable(beside: file, room: plan.fileSize()) { tracker.show($0) }
    let pictures = try CalibrationPictures.get(options, model, compute, &tracker)
    self.init(layers, model, pictures, compute, options, tracker, blas)
  }

  /// Calibrates by a model and pictures that are at hand.
  init(
    _ layers: CalibratedLayers, _ model: Model, _ pictures: CalibrationPictures,
    _ compute: Compute, _ options: CalibrationOptions, _ tracker: WorkTracker, _ blas: BLAS
  ) {
    self.layers = layers
    self.model = model
    self.pictures = pictures
    self.compute = compute
    self.options = options
    self.tracker = tracker
    self.blas = blas
  }

  /// Whether a plan is calibrated unless its user wants otherwise: a whole model, with tensors of
  /// fewer than 6 bits.
  package static func isWorthwhile(for plan: ConversionPlan) -> Bool {
    isPossible(for: plan)
      && CalibratedLayers(plan).all.contains { $0.format.traits.bitsPerWeight < 6 }
  }

  /// Whether anything of a plan can be calibrated.
  package static func isPossible(for plan: ConversionPlan) -> Bool {
    plan.configuration.transformer != nil && plan.configuration.tokenizer != nil
      && !CalibratedLayers(plan).all.isEmpty
  }

  /// What the file says about its calibration.
  package var metadata: Metadata {
    var metadata = Metadata()
    metadata["convert.calibration"] = .string("gptq")
    metadata["convert.calibration.pictures"] = .string(
      options.pictures == .drawn ? "self" : "images")
    metadata["convert.calibration.images"] = .unsigned(UInt64(pictures.tokens.count))
    metadata["convert.calibration.seed"] = .unsigned(options.seed)
    metadata["convert.calibration.cpu"] = .string(compute.level.rawValue)
    return metadata
  }

  /// Writes a calibrated weight or a corrected bias.
  package func write(
    _ tensor: PlannedTensor, to sink: any TensorSink
  ) throws -> QuantizationStatistics? {
    guard let layer = layers.byName[tensor.name] else { return nil }
    if ready[tensor.name] == nil, !fallbacks.contains(layer.weight) { try calibrate(layer) }
    switch ready.removeValue(forKey: tensor.name) {
    case .weight(let result): return try result.write(layer, source(of: layer), to: sink)
    case .bias(let values): return try sink.append(values)
    case nil: return nil
    }
  }

  private func calibrate(_ layer: CalibratedLayer) throws {
    switch layer.group {
    case .conditioning: try calibrateConditioning(layer)
    case .block(let index): try calibrateBlock(index)
    case .head: try calibrateHead()
    case .encoder, .decoder: try calibrateConvolutions(layer.group)
    }
  }

  /// A layer of adaLN, whose inputs are SiLU of the class embeddings, every one of which is known.
  private func calibrateConditioning(_ layer: CalibratedLayer) throws {
    if conditioning == nil {
      let hessian = try Hessian(width: layer.columns, compute, blas)
      let embeddings = try model.file["var.class_emb.weight"]?.floats() ?? []
      unsafe hessian.add(embeddings.count / layer.columns) { row, target in
        for index in 0..<target.count {
          let value = Double(embeddings[row * target.count + index])
          unsafe target[index] = Float(value / (1 + exp(-value)))
        }
      }
      conditioning = (hessian.mean(), try factors([hessian]))
    }
    guard let conditioning else { return }
    try finish(layer, conditioning.mean, conditioning.factors)
  }

  private func calibrateBlock(_ index: Int) throws {
    let pass = try pass ?? startPass()
    // Blocks of which nothing is calibrated pass the stream on all the same.
    while nextBlock <= index {
      let hessians = try hessians(nextBlock == index ? layers.of(.block(index)) : [])
      try pass.run(block: nextBlock, onInput: gather(into: hessians))
      model.releaseBlock(nextBlock)
      tracker.advance(.blockPass, "block \(nextBlock)")
      nextBlock += 1
      if nextBlock > index { try finish(layers.of(.block(index)), hessians) }
    }
  }

  private func calibrateHead() throws {
    let pass = try pass ?? startPass()
    while nextBlock < model.configuration.transformer?.depth ?? 0 {
      try pass.run(block: nextBlock) { _, _, _ in }
      model.releaseBlock(nextBlock)
      tracker.advance(.blockPass, "block \(nextBlock)")
      nextBlock += 1
    }
    let hessians = try hessians(layers.of(.head))
    try pass.runHead(onInput: gather(into: hessians))
    self.pass = nil
    try finish(layers.of(.head), hessians)
  }

  private func startPass() throws -> BlockwisePass {
    // The rounding of inputs to bf16 is nothing beside what they are damped by.
    let started = try BlockwisePass(
      model, compute.with(mode: .automatic(at: compute.level)), tokens: pictures.tokens,
      labels: pictures.labels)
    pass = started
    return started
  }

  private func calibrateConvolutions(_ group: CalibratedLayer.Group) throws {
    pass = nil
    let capture = try ImageCapture(model, compute, pictures, seed: options.seed, blas)
    let layers = layers.of(group).map { (place: place(of: $0), layer: $0) }
    try capture.run(group, layers) { layer, hessians in
      try finish(layer, hessians.flatMap { $0.mean() }, factors(hessians))
    }
  }

  /// A Hessian for each layer, by the place of its weight in the file.
  private func hessians(_ layers: [CalibratedLayer]) throws -> [Int: Hessian] {
    var hessians: [Int: Hessian] = [:]
    for layer in layers {
      hessians[place(of: layer)] = try Hessian(width: layer.columns, compute, blas)
    }
    return hessians
  }

  private func place(of layer: CalibratedLayer) -> Int {
    model.file[layer.weight]?.matrix.data.lowerBound ?? -1
  }

  private func gather(
    into hessians: [Int: Hessian]
  ) -> (WeightMatrix, ActivationBuffer, Int) -> Void {
    { weight, input, count in
      guard let hessian = hessians[weight.data.lowerBound] else { return }
      // The threads only read it.
      nonisolated(unsafe) let input = input
      unsafe hessian.add(count) { unsafe input.copy(row: $0, into: $1) }
    }
  }

  private func finish(_ layers: [CalibratedLayer], _ hessians: [Int: Hessian]) throws {
    for layer in layers {
      guard let hessian = hessians[place(of: layer)] else { continue }
      try finish(layer, hessian.mean(), factors([hessian]))
    }
  }

  /// Nil where one of them is not positive definite.
  private func factors(_ hessians: [Hessian]) throws -> [InverseFactor]? {
    let factors = try hessians.compactMap { try InverseFactor($0, compute.pool, blas) }
    return factors.count == hessians.count ? factors : nil
  }

  /// Quantizes the weight and corrects the biases of a layer.
  private func finish(
    _ layer: CalibratedLayer, _ mean: [Double], _ factors: [InverseFactor]?
  ) throws {
    guard let factors, let quantizer = BlockQuantizer(layer.format) else {
      fallbacks.append(layer.weight)
      return
    }
    let weights = try source(of: layer)
    let result: GPTQ
    do {
      result = try GPTQ(
        weights, rows: layer.rows, factors, quantizer, refinements: layer.refinements, compute.pool,
        blas)
    } catch let error as EncodingError {
      throw ConversionError.encoding(tensor: layer.weight, error)
    }
    ready[layer.weight] = .weight(result)
    tracker.advance(.layer(layer), layer.weight)
    guard layer.correctsBias else { return }
    let missing = BiasCorrection.missing(
      weights, result.values, rows: layer.rows, mean: mean)
    for bias in layer.biases {
      var values = try model.file[bias.name]?.floats() ?? []
      for index in values.indices {
        values[index] = Float(Double(values[index]) + missing[bias.first + index])
      }
      ready[bias.name] = .bias(values)
    }
  }

  /// The unquantized weights, [N, K].
  private func source(of layer: CalibratedLayer) throws -> SharedFloats {
    guard let matrix = model.file[layer.weight]?.matrix else { return try SharedFloats(count: 0) }
    defer { model.file.file.release(matrix.bytes) }
    return try SharedFloats(matrix.floats())
  }
}
