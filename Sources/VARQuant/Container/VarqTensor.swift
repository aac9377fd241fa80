/// A tensor of an open ``VarqFile``; its name, shape, place and size have been validated.
package struct VarqTensor: Sendable {
  /// Its name.
  package let name: String
  /// Its dimensions, the slowest first; all at least 1.
  package let shape: [Int]
  /// The tensor as a matrix: N is the first dimension, K the product of the others.
  package let matrix: WeightMatrix
  /// SHA-256 of its bytes, as the table gives it.
  package let checksum: [UInt8]

  /// How its elements are stored.
  package var format: TensorFormat { matrix.format }
  /// Number of elements.
  package var count: Int { matrix.rows * matrix.columns }
  /// Its bytes in the file.
  package var bytes: Range<Int> { matrix.bytes }
}
