extension TensorFormat {
  /// 5-bit codes of a table; an int8 scale for 32 elements, a binary16 one a row.
  package static let q5 = TensorFormat(Q5())
}

/// 5-bit codes of a table; an int8 scale for 32 elements, a binary16 one a row.
package struct Q5: BlockFormat {
  package let id: UInt16 = 37
  package let kernelCode: UInt32 = 5
  package let name = "q5"
  package let bits = 5
  package let scaleSize = 32
  package let values: [Int8] = [
    -127, -112, -97, -86, -76, -68, -60, -52, -45, -38, -32, -26, -20, -14, -8, -3,
    3, 8, 14, 20, 26, 32, 38, 45, 52, 60, 68, 76, 85, 95, 106, 118,
  ]
  package let accuracy = FormatAccuracy(
    leastSQNR: 19, typicalSQNR: 26, stream: 0.17, decoder: 0.15, features: 6e-2, divergence: 4e-2,
    agreement: 0.3)
}
