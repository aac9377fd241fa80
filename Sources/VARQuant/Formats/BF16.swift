package import TensorBytes

extension TensorFormat {
  /// The upper half of a binary32.
  package static let bf16 = TensorFormat(BF16())
}

/// The upper half of a binary32.
package struct BF16: FloatingFormat {
  package let id: UInt16 = 3
  package let kernelCode: UInt32 = 2
  package let name = "bf16"
  package let type = ElementType.bf16
  // The largest value that does not round to infinity.
  package let range = FormatRange(
    smallestMaximum: 0, largestMagnitude: Float(bitPattern: 0x7F7F_7FFF))
  package let accuracy = FormatAccuracy(
    leastSQNR: 45, typicalSQNR: 55, stream: 2e-2, decoder: 2e-2, features: 8e-3, divergence: 4e-3,
    agreement: 0.4)

  package func encoder(rows: Int, columns: Int) -> any FormatEncoder {
    FloatingEncoder(.bf16, type)
  }
}
