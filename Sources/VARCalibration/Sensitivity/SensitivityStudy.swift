internal import LinearAlgebra
package import TensorBytes
package import VARCompute
package import VARConversion
internal import VARCore
internal import VARModel
package import VARQuant

/// Measures what it costs to store one group of weights alone in a format, for all groups and formats.
///
/// The whole model is converted once a format, calibrated or not; then one group's tensors after the
/// other are put in the place of the unquantized ones, and predictions and pictures are compared.
package struct SensitivityStudy {
  /// What a study is made by.
  package struct Options: Sendable {
    /// How formats of fewer than 8 bits are calibrated; nil: not at all.
    package var calibration: CalibrationOptions?
    /// A folder of pictures to compare predictions over; nil: the model draws them.
    package var folder: String?
    /// Pictures to compare predictions over.
    package var images: Int
    /// The formats, the finest first.
    package var formats: [TensorFormat] = [.q8, .q6, .q5, .q4, .q3]

    /// Makes options.
    package init(calibration: CalibrationOptions?, folder: String?, images: Int) {
      self.calibration = calibration
      self.folder = folder
      self.images = images
    }
  }

  private let source: SourceModel
  private let survey: Survey
  private let scratch: OutputFile
  private let compute: Compute
  private let options: Options
  private let progress: (CalibrationProgress) -> Void

  /// Prepares a study.
  /// - Parameters:
  ///   - scratch: a path beside which files without a name are made: a copy of the checkpoints, and a
  ///     converted one.
  /// - Throws: ``CalibrationError/halfModel``.
  package init(
    _ source: SourceModel, _ survey: Survey, beside scratch: OutputFile, _ compute: Compute,
    _ options: Options, progress: @escaping (CalibrationProgress) -> Void = { _ in }
  ) throws {
    guard source.configuration.transformer != nil, source.configuration.tokenizer != nil else {
      throw CalibrationError.halfModel
    }
    self.source = source
    self.survey = survey
    self.scratch = scratch
    self.compute = compute.with(mode: .f32)
    self.options = options
    self.progress = progress
  }

  /// Makes the table.
  /// - Throws: errors of pictures, of the model, of the disk.
  package func run() throws -> SensitivityTable {
    let groups = WeightGroup.all.indices
    let members = groups.map { group in
      Set(
        source.bindings.map(\.specification).filter { WeightGroup.index(of: $0) == group }
          .map(\.name))
    }
    let steps = Double(options.formats.count * 2 + 1)
    let largest = try ConversionPlan(source, survey, ConversionRecipe(.q8)).fileSize()
    let model = try source.runnable(beside: scratch, room: largest) {
      report(0, of: steps, 0, "copying the weights, \($0.tensor)")
    }
    let checked = try ModelFile(model.file)
    report(0, of: steps, 0.2, "getting pictures")
    let calibrationPictures = try options.calibration.map { try pictures($0, model) }
    let reference = try PredictionReference(model, pictures(evaluation, model), compute)
    var costs: [[SensitivityTable.Cost]] = groups.map { _ in [] }
    for (index, format) in options.formats.enumerated() {
      let step = Double(2 * index + 1)
      let converted = try convert(to: format, model, calibrationPictures) {
        report(step, of: steps, $0, "\(format.name): \($1)")
      }
      for group in groups where !members[group].isEmpty {
        let name = WeightGroup.all[group].name
        report(
          step + 1, of: steps, Double(group) / Double(groups.count),
          "\(format.name): predictions with \(name) alone")
        let names = members[group].union(converted.biases(of: members[group]))
        let other = try Model(checked.replacing(names, from: converted.file))
        costs[group].append(
          WeightGroup.all[group].isTokenizer
            ? try reference.pictureError(of: other) : try reference.divergence(of: other))
      }
    }
    return SensitivityTable(
      model: SHA256Digest.hex(model.weightsChecksum), images: reference.count,
      isCalibrated: options.calibration != nil, formats: options.formats, costs: costs)
  }

  /// What predictions are compared over: other random numbers than the calibration's.
  private var evaluation: CalibrationOptions {
    CalibrationOptions(
      options.folder.map { .folder($0) } ?? .drawn, count: options.images,
      seed: (options.calibration?.seed ?? 0) &+ 1 << 32)
  }

  private func pictures(
    _ options: CalibrationOptions, _ model: Model
  ) throws -> CalibrationPictures {
    switch options.pictures {
    case .drawn: try .drawn(model, compute, count: options.count, seed: options.seed)
    case .folder(let folder): try .read(folder, model, compute, count: options.count)
    }
  }

  /// A converted model, and which biases were corrected with which weights.
  private struct Converted {
    let file: VarqFile
    let layers: CalibratedLayers

    func biases(of weights: Set<String>) -> Set<String> {
      Set(
        layers.all.filter { weights.contains($0.weight) && $0.correctsBias }.flatMap(\.biases)
          .map(\.name))
    }
  }

  private func convert(
    to format: TensorFormat, _ model: Model, _ pictures: CalibrationPictures?,
    _ progress: @escaping (Double, String) -> Void
  ) throws -> Converted {
    let plan = try ConversionPlan(source, survey, ConversionRecipe(format))
    let layers = CalibratedLayers(plan)
    var calibrator: Calibrator?
    if let pictures, let calibration = options.calibration, !layers.all.isEmpty {
      let tracker = WorkTracker(source.configuration, layers, calibration) {
        progress($0.fraction, $0.work)
      }
      calibrator = try Calibrator(
        layers, model, pictures, compute, calibration, tracker, BLAS.open())
    }
    let file = try Converter(plan).writeUnnamed(beside: scratch, calibration: calibrator) {
      if calibrator == nil { progress(Double($0.done) / Double(max(1, $0.total)), $0.tensor) }
    }
    return Converted(file: file, layers: layers)
  }

  private func report(_ step: Double, of steps: Double, _ part: Double, _ work: String) {
    progress(CalibrationProgress(fraction: (step + part) / (steps + 1), work: work))
  }
}
