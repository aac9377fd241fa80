internal import SafetensorsIO
internal import TensorBytes

/// A tensor of a checkpoint that goes into a conversion.
struct SourceTensor: Sendable {
  let checkpoint: Checkpoint
  let tensor: CheckpointTensor

  /// Passes over the values as f32, some whole rows at a time, and gives the pages back.
  func forEachPiece(
    rows: Int, columns: Int, _ body: (UnsafeMutableBufferPointer<Float>) throws -> Void
  ) throws {
    defer { checkpoint.release(tensor) }
    let pieces = (0..<rows).rowPieces(columns: columns)
    var buffer = [Float](repeating: 0, count: (pieces.first?.count ?? 0) * columns)
    for piece in pieces {
      let elements = piece.lowerBound * columns..<piece.upperBound * columns
      try unsafe buffer.withUnsafeMutableBufferPointer { buffer in
        let values = unsafe UnsafeMutableBufferPointer(rebasing: buffer[..<elements.count])
        try unsafe checkpoint.readFloats(of: tensor, elements: elements, into: values)
        checkpoint.release(tensor, elements: elements)
        try unsafe body(values)
      }
    }
  }
}
