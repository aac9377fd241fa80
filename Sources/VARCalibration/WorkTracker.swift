internal import VARCompute
internal import VARConversion
internal import VARCore
internal import VARModel

/// Adds up the arithmetic that is done, for the time left. By estimate, in multiplications.
struct WorkTracker {
  /// A step.
  enum Step {
    /// One of so many parts of getting the pictures.
    case pictures(parts: Int)
    /// One block over all pictures.
    case blockPass
    /// Hessian, factor and codes of a layer.
    case layer(CalibratedLayer)
  }

  private let progress: (CalibrationProgress) -> Void
  private let pictureWork: Double
  private let blockWork: Double
  private let images: Int
  private let tokens: Int
  private let total: Double
  private var done = 0.0

  init(
    _ configuration: ModelConfiguration, _ layers: CalibratedLayers, _ options: CalibrationOptions,
    _ progress: @escaping (CalibrationProgress) -> Void
  ) {
    self.progress = progress
    images = options.count
    tokens = configuration.transformer?.tokens ?? 0
    let depth = Double(configuration.transformer?.depth ?? 0)
    let width = Double(configuration.transformer?.width ?? 0)
    blockWork = 12 * width * width * Double(tokens * images)
    // With guidance there are two sequences a picture.
    pictureWork = options.pictures == .drawn ? 2 * depth * blockWork : 0.2 * depth * blockWork
    let (images, tokens) = (images, tokens)
    total =
      pictureWork + depth * blockWork
      + layers.all.reduce(0) { $0 + Self.work(of: $1, inputs: images * tokens) }
  }

  /// Half a product for the Hessian, the factor, and a row's errors over half of its columns.
  private static func work(of layer: CalibratedLayer, inputs: Int) -> Double {
    let (rows, columns) = (Double(layer.rows), Double(layer.columns))
    let inputs =
      switch layer.group {
      case .conditioning: 0.0
      case .block, .head: Double(inputs)
      case .encoder, .decoder: Double(min(inputs, ConvolutionInputs.enough))
      }
    return columns * columns * (0.5 * inputs + 0.6 * rows)
      + (layer.group == .conditioning ? 0 : columns * columns * columns / 3)
  }

  /// Counts a step that is done.
  mutating func advance(_ step: Step, _ work: String) {
    switch step {
    case .pictures(let parts): done += pictureWork / Double(max(1, parts))
    case .blockPass: done += blockWork
    case .layer(let layer): done += Self.work(of: layer, inputs: images * tokens)
    }
    progress(CalibrationProgress(fraction: min(1, done / max(1, total)), work: work))
  }

  /// Shows the copying of the weights, which is not arithmetic.
  func show(_ copying: ConversionProgress) {
    progress(CalibrationProgress(fraction: 0, work: "copying the weights, \(copying.tensor)"))
  }
}

extension CalibrationPictures {
  /// Draws or reads the pictures that options ask for.
  static func get(
    _ options: CalibrationOptions, _ model: Model, _ compute: Compute, _ tracker: inout WorkTracker
  ) throws -> CalibrationPictures {
    switch options.pictures {
    case .drawn:
      try .drawn(model, compute, count: options.count, seed: options.seed) { done, total in
        tracker.advance(.pictures(parts: total), "drawing pictures, scale \(done) of \(total)")
      }
    case .folder(let folder):
      try .read(folder, model, compute, count: options.count) { done, total in
        tracker.advance(.pictures(parts: total), "encoding picture \(done) of \(total)")
      }
    }
  }
}
