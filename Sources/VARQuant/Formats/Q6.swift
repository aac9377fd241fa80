extension TensorFormat {
  /// 6-bit codes, equal steps; an int8 scale for 32 elements, a binary16 one a row.
  package static let q6 = TensorFormat(Q6())
}

/// 6-bit codes, equal steps; an int8 scale for 32 elements, a binary16 one a row.
package struct Q6: BlockFormat {
  package let id: UInt16 = 38
  package let kernelCode: UInt32 = 4
  package let name = "q6"
  package let bits = 6
  package let scaleSize = 32
  package let values: [Int8] = (-32...31).map { $0 }
  package let accuracy = FormatAccuracy(
    leastSQNR: 24, typicalSQNR: 32, stream: 0.12, decoder: 0.09, features: 3e-2, divergence: 2e-2,
    agreement: 0.4)
}
