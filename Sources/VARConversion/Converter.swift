package import TensorBytes
internal import VARModel
internal import VARQuant

/// Writes the `.varq` file of a plan, one tensor at a time.
///
/// Memory is bounded by pieces of a tensor, not by the model: a piece is read from the mapped
/// checkpoint, encoded and written, and its pages are given back.
package struct Converter {
  private let plan: ConversionPlan

  /// Prepares the conversion of a plan.
  package init(_ plan: ConversionPlan) { self.plan = plan }

  /// Writes the file.
  /// - Parameters:
  ///   - file: where it will be; it appears there when it is complete.
  ///   - progress: is told about every piece.
  /// - Returns: What the conversion has cost, tensor by tensor.
  /// - Throws: ``ConversionError``, errors of the checkpoint, `FileError`.
  package func write(
    to file: OutputFile, progress: (ConversionProgress) -> Void = { _ in }
  ) throws -> ConversionReport {
    let writer = try VarqWriter(
      file, metadata: plan.metadata, tensors: plan.tensors.map(\.target))
    var tracker = ConversionProgress(
      phase: .converting,
      total: plan.tensors.reduce(0) { $0 + $1.elementCount })
    var report = ConversionReport(plan: plan)
    for tensor in plan.tensors {
      tracker.tensor = tensor.specification.name
      let statistics = try encode(tensor, writer) { count in
        tracker.done += count
        progress(tracker)
      }
      report.statistics.append(statistics)
    }
    try writer.finish()
    return report
  }

  private func encode(
    _ tensor: PlannedTensor, _ writer: VarqWriter, _ progress: (Int) -> Void
  ) throws -> QuantizationStatistics {
    let order = StoredOrder(tensor.specification)
    var encoder = TensorEncoder(tensor.target.format)
    do {
      try unsafe tensor.source.forEachPiece(rows: order.rows, columns: order.columns) { values in
        unsafe order.fromUpstream(values)
        try unsafe encoder.encode(UnsafeBufferPointer(values)) { try unsafe writer.append($0) }
        progress(values.count)
      }
      try unsafe encoder.finish { try unsafe writer.append($0) }
    } catch let error as EncodingError {
      throw ConversionError.encoding(tensor: tensor.specification.name, error)
    }
    return encoder.statistics
  }
}
