package import VARQuant

/// What it costs to store one group of weights alone in a format: measured, group by group.
///
/// Costs of groups add up: within 5 % down to 4 bits a weight, within 20 % at 3.2 bits.
package struct SensitivityTable: Equatable, Sendable {
  /// What a format costs.
  package struct Cost: Equatable, Sendable {
    /// Of a group of the transformer: the mean KL divergence of the predictions from those of the
    /// unquantized model, in nats a token. Of one of the VQ-VAE: the mean squared error of pictures
    /// with values of [0, 1].
    package let value: Double
    /// Standard error of the mean over the pictures.
    package let standardError: Double

    /// Makes a cost.
    package init(_ value: Double, standardError: Double = 0) {
      self.value = value
      self.standardError = standardError
    }
  }

  /// Whose weights were measured.
  package let model: String
  /// Over how many pictures.
  package let images: Int
  /// Whether the formats of fewer than 8 bits were calibrated.
  package let isCalibrated: Bool
  /// The formats, the finest first.
  package let formats: [TensorFormat]
  /// The costs of each of ``WeightGroup/all``, in the order of ``formats``; empty for a group that
  /// the model hasn't.
  package let costs: [[Cost]]

  /// Makes a table.
  package init(
    model: String, images: Int, isCalibrated: Bool, formats: [TensorFormat], costs: [[Cost]]
  ) {
    self.model = model
    self.images = images
    self.isCalibrated = isCalibrated
    self.formats = formats
    self.costs = costs
  }
}
