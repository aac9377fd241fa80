internal import VARQuant

extension GPTQ {
  /// Writes the tensor's bytes.
  /// - Parameter weights: what was quantized, for the statistics.
  func write(
    _ layer: CalibratedLayer, _ weights: SharedFloats, to sink: any TensorSink
  ) throws -> QuantizationStatistics? {
    guard
      var rows = BlockRowWriter(layer.format, rows: layer.rows, columns: layer.columns)
    else { return nil }
    for row in 0..<layer.rows {
      let codes = unsafe Array(
        UnsafeBufferPointer(start: codes.base + row * layer.columns, count: layer.columns))
      try unsafe rows.append(codes, scales[row]) { try unsafe sink.append($0) }
    }
    try unsafe rows.finish { try unsafe sink.append($0) }
    var statistics = QuantizationStatistics()
    statistics.add(weights.array, values.array)
    return statistics
  }
}
