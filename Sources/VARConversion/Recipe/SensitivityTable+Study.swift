internal import VARQuant

/// The costs of the demo model's groups, for models that have not been measured themselves.
///
/// Made by `var-convert sensitivity --var models/fashion-var/var.pth --vae models/fashion-var/vae.pth
/// --count 256 --calibration-images 64`, with `--calibrate none` for the second table.
extension SensitivityTable {
  /// - Parameter isCalibrated: whether the formats of fewer than 8 bits will be.
  package static func study(calibrated isCalibrated: Bool) -> SensitivityTable {
    SensitivityTable(
      model: "b55908306d16dd7f7fde02d44a0e4b60dc9ece5c3ea88049a7a2cedacde78c9b", images: 256,
      isCalibrated: isCalibrated, formats: [.q8, .q6, .q5, .q4, .q3],
      costs: (isCalibrated ? calibrated : searched).map { $0.map { Cost($0) } })
  }

  /// In the order of ``WeightGroup/all``.
  ///
  /// Those of adaLN are as without calibration: the demo model's 61 class embeddings span a third of
  /// its channels, so that calibration finds more there than in a model of 1000 classes.
  private static let calibrated: [[Double]] = [
    [8.25e-06, 3.70e-05, 1.18e-04, 5.24e-04, 1.99e-03],  // qkv
    [2.01e-06, 7.74e-06, 2.55e-05, 1.12e-04, 4.53e-04],  // proj
    [2.13e-05, 9.30e-05, 3.02e-04, 1.29e-03, 5.20e-03],  // fc1
    [6.68e-06, 5.09e-05, 1.63e-04, 6.92e-04, 2.49e-03],  // fc2
    [7.00e-07, 1.11e-05, 3.36e-05, 1.52e-04, 6.60e-04],  // ada_lin
    [9.47e-09, 1.36e-07, 6.22e-07, 3.68e-06, 2.30e-05],  // head_nm
    [1.37e-05, 9.21e-05, 3.25e-04, 1.36e-03, 5.00e-03],  // head
    [2.09e-07, 4.12e-07, 1.41e-06, 6.35e-06, 2.54e-05],  // vae-fine
    [3.55e-08, 1.60e-07, 5.48e-07, 2.20e-06, 9.80e-06],  // vae-coarse
  ]

  private static let searched: [[Double]] = [
    [8.25e-06, 1.41e-04, 4.97e-04, 2.12e-03, 8.70e-03],  // qkv
    [2.01e-06, 3.36e-05, 1.10e-04, 4.57e-04, 1.88e-03],  // proj
    [2.13e-05, 3.43e-04, 1.16e-03, 4.94e-03, 1.61e-02],  // fc1
    [6.68e-06, 1.23e-04, 3.69e-04, 1.66e-03, 5.42e-03],  // fc2
    [7.00e-07, 1.11e-05, 3.36e-05, 1.52e-04, 6.60e-04],  // ada_lin
    [9.47e-09, 1.36e-07, 6.22e-07, 3.68e-06, 2.30e-05],  // head_nm
    [1.37e-05, 2.24e-04, 8.44e-04, 3.17e-03, 1.07e-02],  // head
    [2.09e-07, 3.57e-06, 7.70e-06, 4.48e-05, 1.30e-04],  // vae-fine
    [3.55e-08, 9.28e-07, 1.89e-06, 8.27e-06, 4.40e-05],  // vae-coarse
  ]
}
