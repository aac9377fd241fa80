/// A tensor of an open ``VarqFile``; its name, shape, place and size have been validated.
public struct VarqTensor: Sendable {
  /// Its name.
  public let name: String
  /// Its dimensions, the slowest first; all at least 1.
  public let shape: [Int]
  /// The tensor as a matrix: N is the first dimension, K the product of the others.
  public let matrix: WeightMatrix
  /// SHA-256 of its bytes, as the table gives it.
  public let checksum: [UInt8]

  /// How its elements are stored.
  public var format: TensorFormat { matrix.format }
  /// Number of elements.
  public var count: Int { matrix.rows * matrix.columns }
  /// Its bytes in the file.
  public var bytes: Range<Int> { matrix.bytes }
}
