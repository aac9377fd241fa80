package import TensorBytes

extension TensorFormat {
  /// IEEE 754 binary16.
  package static let f16 = TensorFormat(F16())
}

/// IEEE 754 binary16.
package struct F16: FloatingFormat {
  package let id: UInt16 = 2
  package let kernelCode: UInt32 = 1
  package let name = "f16"
  package let type = ElementType.f16
  // 65,520 is the least that rounds to infinity.
  package let range = FormatRange(
    smallestMaximum: 0x1p-18, largestMagnitude: Float(65_520).nextDown)
  package let accuracy = FormatAccuracy(
    leastSQNR: 50, typicalSQNR: 73, stream: 3e-3, decoder: 3e-3, features: 1e-3, divergence: 2e-4,
    agreement: 0.6)

  package func encoder(rows: Int, columns: Int) -> any FormatEncoder {
    FloatingEncoder(.f16, type)
  }
}
