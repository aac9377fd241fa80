import ArgumentParser
import CommandSupport
import TensorBytes
import VARCalibration
import VARCompute
import VARConversion
import VARQuant

/// Whether and by which pictures the weights of few bits are calibrated.
struct CalibrationArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      """
      self: the model draws pictures, and the weights are quantized so that what it computes over \
      them changes least. A folder of images in sub-folders named by class id or name takes their \
      place. none: each weight for itself. By default self where a format has fewer than 6 bits.
      """, valueName: "self|none|folder"), completion: .directory)
  var calibrate: String?

  @Option(help: ArgumentHelp("Pictures to calibrate by.", valueName: "count"))
  var calibrationImages = 32

  @Option(help: ArgumentHelp("Of the random numbers of calibration.", valueName: "seed"))
  var calibrationSeed: UInt64 = 0

  @Option(
    help: ArgumentHelp(
      "Instruction set to calibrate with, for tests and to make a file of another machine again. (default: the best of this CPU)",
      valueName: "level"))
  var cpuLevel: CPULevelChoice?

  /// What it is computed with.
  /// - Throws: where this machine lacks the instruction set that was asked for.
  func compute() throws -> Compute { try Compute(mode: .f32, level: cpuLevel?.level ?? .best) }

  func validate() throws {
    if calibrationImages < 1 { throw ValidationError("--calibration-images must be at least 1.") }
    if calibrate == "" { throw ValidationError("--calibrate needs self, none or a folder.") }
  }

  /// What calibrates a plan; nil where nothing does.
  /// - Parameter isExpected: whether the plan was chosen by what calibrated formats cost.
  func calibrator(
    _ plan: ConversionPlan, of model: SourceModel, beside file: OutputFile, isExpected: Bool,
    _ line: ProgressLine
  ) throws -> Calibrator? {
    guard let pictures = pictures(for: plan, isExpected) else { return nil }
    return try Calibrator(
      plan, of: model, beside: file, compute(),
      CalibrationOptions(pictures, count: calibrationImages, seed: calibrationSeed)
    ) { progress in
      line.update(
        progress.fraction,
        "calibrating \(Format.fixed(100 * progress.fraction, 0)) %, \(progress.work)")
    }
  }

  /// The pictures that are read.
  /// - Throws: what is wrong with their folder.
  func files(for model: SourceModel) throws -> [String] {
    guard let calibrate, calibrate != "self", calibrate != "none" else { return [] }
    return try CalibrationPictures.files(
      in: calibrate, model.configuration, count: calibrationImages)
  }

  /// What calibrates wherever something can be; nil for `none`.
  var options: CalibrationOptions? {
    let pictures: CalibrationOptions.Pictures? =
      switch calibrate {
      case "none": nil
      case "self", nil: .drawn
      case let folder?: .folder(folder)
      }
    return pictures.map {
      CalibrationOptions($0, count: calibrationImages, seed: calibrationSeed)
    }
  }

  private func pictures(
    for plan: ConversionPlan, _ isExpected: Bool
  ) -> CalibrationOptions.Pictures? {
    switch calibrate {
    case "none": nil
    case "self": .drawn
    case let folder?: .folder(folder)
    case nil:
      Calibrator.isWorthwhile(for: plan) || isExpected && Calibrator.isPossible(for: plan)
        ? .drawn : nil
    }
  }
}
