package import TensorBytes

extension TensorFormat {
  /// IEEE 754 binary32.
  package static let f32 = TensorFormat(F32())
}

/// IEEE 754 binary32.
package struct F32: FloatingFormat {
  package let id: UInt16 = 1
  package let kernelCode: UInt32 = 0
  package let name = "f32"
  package let type = ElementType.f32
  package let range = FormatRange(smallestMaximum: 0, largestMagnitude: .greatestFiniteMagnitude)
  package let accuracy = FormatAccuracy(
    leastSQNR: 120, typicalSQNR: .infinity, stream: 3e-5, decoder: 6e-5, features: 5e-6,
    divergence: 1e-7, agreement: 1)

  package func encoder(rows: Int, columns: Int) -> any FormatEncoder {
    FloatingEncoder(.f32, type)
  }
}
