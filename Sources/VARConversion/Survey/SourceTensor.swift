internal import SafetensorsIO
internal import TensorBytes

/// A tensor of a checkpoint that goes into a conversion.
struct SourceTensor: Sendable {
  let checkpoint: Checkpoint
  let tensor: CheckpointTensor

  /// The largest magnitude among the values, as f32.
  ///
  /// - Returns: nil if a value is NaN or infinite.
  func maximum() throws -> Float? {
    var largest: UInt32 = 0
    try unsafe forEachPiece(rows: tensor.elementCount, columns: 1) { values in
      for index in values.indices {
        // Magnitudes are ordered like their bits; infinity and NaN come after all finite ones.
        largest = max(largest, unsafe values[index].bitPattern & 0x7FFF_FFFF)
      }
    }
    let maximum = Float(bitPattern: largest)
    return maximum.isFinite ? maximum : nil
  }

  /// Passes over the values as f32, some whole rows at a time, and gives the pages back.
  func forEachPiece(
    rows: Int, columns: Int, _ body: (UnsafeMutableBufferPointer<Float>) throws -> Void
  ) throws {
    defer { checkpoint.release(tensor) }
    let step = max(1, Self.pieceSize / max(1, columns))
    var buffer = [Float](repeating: 0, count: min(step, rows) * columns)
    for start in stride(from: 0, to: rows, by: step) {
      let end = min(start + step, rows)
      try unsafe buffer.withUnsafeMutableBufferPointer { buffer in
        let piece = unsafe UnsafeMutableBufferPointer(
          rebasing: buffer[..<((end - start) * columns)])
        try unsafe checkpoint.readFloats(
          of: tensor, elements: start * columns..<end * columns, into: piece)
        try unsafe body(piece)
      }
    }
  }

  /// Values that are read at once, unless a row has more.
  private static let pieceSize = 1 << 18
}
