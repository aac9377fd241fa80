extension TensorFormat {
  /// 4-bit codes of a table; an int8 scale for 32 elements, a binary16 one a row.
  package static let q4 = TensorFormat(Q4())
}

/// 4-bit codes of a table; an int8 scale for 32 elements, a binary16 one a row.
package struct Q4: BlockFormat {
  package let id: UInt16 = 36
  package let kernelCode: UInt32 = 6
  package let name = "q4"
  package let bits = 4
  package let scaleSize = 32
  package let values: [Int8] = [
    -127, -102, -80, -62, -47, -34, -21, -9, 2, 13, 25, 37, 50, 65, 83, 109,
  ]
  package let accuracy = FormatAccuracy(
    leastSQNR: 14, typicalSQNR: 21.5, stream: 0.32, decoder: 0.32, features: 0.12, divergence: 0.15,
    agreement: 0.2)
}
