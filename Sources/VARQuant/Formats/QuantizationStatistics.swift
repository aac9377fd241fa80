internal import Platform

/// A value does not fit the format that a tensor is to have.
package enum EncodingError: Error, Equatable, Sendable, CustomStringConvertible {
  /// A value is NaN or infinite.
  case notFinite(index: Int)
  /// A finite value is beyond the range of the format.
  case outOfRange(format: TensorFormat, index: Int, value: Float)
  /// A value that could not be encoded was another when it was looked at again: somebody writes the file.
  case changed(index: Int)

  /// The message for the user.
  package var description: String {
    switch self {
    case .notFinite(let index):
      "element \(index) is NaN or infinite"
    case .outOfRange(let format, let index, let value):
      "element \(index) is \(value), which \(format.name) cannot hold; keep the tensor in f32"
    case .changed(let index):
      "elements from \(index) on changed while they were read: wait until the checkpoint is written"
    }
  }
}

/// How far encoded values are from the values they stand for.
package struct QuantizationStatistics: Equatable, Sendable {
  /// Number of values.
  package var count = 0
  /// Σ w².
  package var signal = 0.0
  /// Σ (w − ŵ)².
  package var noise = 0.0
  /// max |w − ŵ|.
  package var maximumError: Float = 0

  /// Of no values yet.
  package init() {}

  /// Of values that were stored as they are.
  package init(lossless count: Int) { self.count = count }

  /// Takes in those of further values.
  package mutating func add(_ others: QuantizationStatistics) {
    count += others.count
    signal += others.signal
    noise += others.noise
    maximumError = max(maximumError, others.maximumError)
  }

  /// Root of the mean squared error.
  package var rootMeanSquare: Double { count > 0 ? (noise / Double(count)).squareRoot() : 0 }

  /// Signal-to-quantization-noise ratio in dB; infinite where nothing was lost.
  package var sqnr: Double { noise > 0 ? 10 * log10(signal / noise) : .infinity }

  /// Takes in values and their stand-ins, as many as both have.
  package mutating func add(_ values: [Float], _ decoded: [Float]) {
    for (value, other) in zip(values, decoded) { add(value, other) }
  }

  /// Takes in a value and its stand-in.
  @inline(__always) mutating func add(_ value: Float, _ decoded: Float) {
    let error = value - decoded
    count += 1
    signal += Double(value) * Double(value)
    noise += Double(error) * Double(error)
    maximumError = max(maximumError, abs(error))
  }
}
