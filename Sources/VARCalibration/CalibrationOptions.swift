/// What a conversion is calibrated by.
package struct CalibrationOptions: Equatable, Sendable {
  /// Where the pictures come from whose tokens pass through the model.
  package enum Pictures: Equatable, Sendable {
    /// The unquantized model draws them: as good as photographs, and nobody needs any.
    case drawn
    /// A folder of pictures in sub-folders named by class id or name.
    case folder(String)
  }

  /// Where the pictures come from.
  package var pictures: Pictures
  /// How many; 4 are too few, and 128 hardly better than 32.
  package var count: Int
  /// Of the random numbers: classes and tokens of drawn pictures, places in feature maps.
  package var seed: UInt64

  /// Makes options.
  package init(_ pictures: Pictures = .drawn, count: Int = 32, seed: UInt64 = 0) {
    self.pictures = pictures
    self.count = count
    self.seed = seed
  }
}

/// Why a conversion cannot be calibrated.
package enum CalibrationError: Error, Equatable, Sendable, CustomStringConvertible {
  /// Pictures cannot be drawn by half a model, nor their tokens pass through it.
  case halfModel
  /// No tensor of the plan has a format of low bits.
  case nothingToCalibrate

  /// The message for the user.
  package var description: String {
    switch self {
    case .halfModel:
      "calibration runs the model over pictures, which takes both the transformer and the VQ-VAE"
    case .nothingToCalibrate:
      "no tensor has a format that is calibrated: those of fewer than 8 bits are"
    }
  }
}

/// How far a calibration has come.
package struct CalibrationProgress: Equatable, Sendable {
  /// Share of the arithmetic that is done, by estimate.
  package let fraction: Double
  /// What is being done.
  package let work: String
}
