package import VARQuant

/// Makes the content of tensors that are not just the source's values, encoded one by one: quantized
/// ones whose errors were traded against each other, and biases that make up for the rest.
package protocol TensorCalibration: AnyObject {
  /// What the file says about it, below `convert.calibration`.
  var metadata: Metadata { get }
  /// Writes a tensor, whose turn it is in the order of the file.
  /// - Returns: what storing it so has cost; nil if nothing was written, because the source's values
  ///   are to be encoded.
  func write(_ tensor: PlannedTensor, to sink: any TensorSink) throws -> QuantizationStatistics?
}
