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

  package func encoder(rows: Int, columns: Int) -> any FormatEncoder { FullEncoder() }

  /// Passes the values on.
  private struct FullEncoder: FormatEncoder {
    private(set) var statistics = QuantizationStatistics()

    mutating func encode(
      _ values: UnsafeBufferPointer<Float>, _ sink: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
      var signal = 0.0
      for index in values.indices {
        let value = unsafe values[index]
        guard value.isFinite else { throw EncodingError.notFinite(index: statistics.count + index) }
        signal += Double(value) * Double(value)
      }
      statistics.signal += signal
      statistics.count += values.count
      try unsafe sink(UnsafeRawBufferPointer(values))
    }
  }
}
