#if !_endian(little)
  #error("a .varq file is little-endian and used in place")
#endif

/// Turns the values of one tensor, which come piece by piece, into the bytes of its format.
///
/// Pieces hold whole rows (or at least whole blocks). What is kept between them is small: the scales
/// and whatever else does not belong to the first part of the format's layout.
package struct TensorEncoder {
  /// How the values are stored.
  package let format: TensorFormat
  private var encoder: any FormatEncoder

  /// Begins a tensor of a shape that the format suits.
  package init(_ format: TensorFormat, shape: [Int]) {
    self.format = format
    encoder = format.traits.encoder(
      rows: shape.first ?? 1, columns: shape.dropFirst().reduce(1, *))
  }

  /// What storing the values so has cost.
  package var statistics: QuantizationStatistics { encoder.statistics }

  /// Encodes the next values.
  ///
  /// - Parameter sink: Is given the bytes, which are valid during the call.
  /// - Throws: ``EncodingError`` with the index within the tensor, and what `sink` throws.
  package mutating func encode(
    _ values: UnsafeBufferPointer<Float>, _ sink: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    try unsafe encoder.encode(values, sink)
  }

  /// Gives the sink what follows the elements, such as padding and scales.
  package mutating func finish(_ sink: (UnsafeRawBufferPointer) throws -> Void) throws {
    try unsafe encoder.finish(sink)
  }
}
