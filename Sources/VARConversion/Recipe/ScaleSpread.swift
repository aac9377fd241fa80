internal import VARQuant

/// What int8 scales of blocks under one scale a row cost a tensor, measured on some of its rows.
///
/// Rows in which some blocks are many times larger than the others leave few of the 8 bits to the
/// others. The measure is that of `formats/varq-v1.md`: every block counts alike, whatever its size.
enum ScaleSpread {
  /// A tensor that loses more, in dB, is kept in q8, whose scales are independent.
  static let largestLoss = 0.3
  /// Rows that are looked at, evenly spaced.
  private static let rows = 32

  /// The loss in dB of a tensor in a format; 0 where the format's scales are not of that kind.
  static func loss(
    of source: SourceTensor, _ format: TensorFormat
  ) throws -> Double {
    guard let quantizer = BlockQuantizer(format) else { return 0 }
    var loss = ScaleLoss()
    var row = [Float](repeating: 0, count: source.columns)
    let step = max(1, source.rows / rows)
    defer { source.release() }
    for index in stride(from: 0, to: source.rows, by: step) {
      try unsafe row.withUnsafeMutableBufferPointer { row in
        try unsafe source.read(index..<index + 1, into: row)
        try unsafe loss.add(UnsafeBufferPointer(row), quantizer)
      }
    }
    return loss.decibels
  }
}
