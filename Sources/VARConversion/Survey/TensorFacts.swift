internal import TensorBytes

/// What a survey finds out about the values of a tensor; a recipe may ask for nothing else.
package struct TensorFacts: Equatable, Sendable {
  /// The largest magnitude, as f32; infinite or NaN if a value is.
  package let largestMagnitude: Float
  /// What is odd about the values, if they are factors of products.
  var oddity: WeightOddity?

  /// Whether every value is a number.
  package var isFinite: Bool { largestMagnitude.isFinite }
}
