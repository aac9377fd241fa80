extension TensorFormat {
  /// 3-bit codes of a table; an int8 scale for 16 elements, a binary16 one a row.
  package static let q3 = TensorFormat(Q3())
}

/// 3-bit codes of a table; an int8 scale for 16 elements, a binary16 one a row.
package struct Q3: BlockFormat {
  package let id: UInt16 = 35
  package let kernelCode: UInt32 = 7
  package let name = "q3"
  package let bits = 3
  package let scaleSize = 16
  package let values: [Int8] = [-127, -76, -44, -18, 8, 35, 67, 109]
  package let accuracy = FormatAccuracy(
    leastSQNR: 10, typicalSQNR: 16.7, stream: 0.55, decoder: 0.55, features: 0.2, divergence: 0.7,
    agreement: 0.15)
}
