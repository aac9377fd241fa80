internal import TensorBytes

/// Where the bytes of tensors go, in the order of a plan: to a file, or to be compared with one.
package protocol TensorSink: AnyObject {
  /// The tensor whose bytes come next, nil after the last one.
  var current: TensorPlan? { get }
  /// Takes bytes of the current tensor; when it has all of them, the next one becomes current.
  /// - Throws: ``VarqWriterError/byteCount(tensor:planned:written:)`` for bytes beyond its end.
  func append(_ bytes: UnsafeRawBufferPointer) throws
  /// Takes many bytes in one go, none of which may cross from a tensor to the next.
  /// - Throws: as ``append(_:)-(UnsafeRawBufferPointer)``.
  func append(_ parts: [ArraySlice<UInt8>]) throws
}

extension TensorSink {
  package func append(_ parts: [ArraySlice<UInt8>]) throws {
    for part in parts { try unsafe part.withUnsafeBytes { try unsafe append($0) } }
  }

  /// Adds bytes of another file to the current tensor.
  /// - Throws: as ``append(_:)``.
  package func append(copying bytes: Range<Int>, of file: VarqFile) throws {
    for piece in bytes.pieces(of: 1 << 20) {
      try unsafe file.file.withBytes(in: piece) { try unsafe append($0) }
      file.file.release(piece)
    }
  }

  /// Encodes all values of the current tensor; for small ones, and small models, as in tests.
  /// - Returns: What the encoding has cost.
  @discardableResult package func append(_ values: [Float]) throws -> QuantizationStatistics {
    guard let plan = current else {
      throw VarqWriterError.byteCount(tensor: "after the last", planned: 0, written: values.count)
    }
    var encoder = TensorEncoder(plan.format, shape: plan.shape)
    try unsafe values.withUnsafeBufferPointer { values in
      try unsafe encoder.encode(values) { try unsafe append($0) }
    }
    try unsafe encoder.finish { try unsafe append($0) }
    return encoder.statistics
  }
}
