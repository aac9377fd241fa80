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

  func validate() throws {
    if calibrationImages < 1 { throw ValidationError("--calibration-images must be at least 1.") }
    if calibrate == "" { throw ValidationError("--calibrate needs self, none or a folder.") }
  }

  /// What calibrates a plan; nil where nothing does.
  func calibrator(
    _ plan: ConversionPlan, of model: SourceModel, beside file: OutputFile, _ line: ProgressLine
  ) throws -> Calibrator? {
    guard let pictures = pictures(for: plan) else { return nil }
    return try Calibrator(
      plan, of: model, beside: file, Compute(mode: .f32),
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

  private func pictures(for plan: ConversionPlan) -> CalibrationOptions.Pictures? {
    switch calibrate {
    case "none": nil
    case "self": .drawn
    case let folder?: .folder(folder)
    case nil: Calibrator.isWorthwhile(for: plan) ? .drawn : nil
    }
  }
}
