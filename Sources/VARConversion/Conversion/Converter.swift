package import TensorBytes
package import VARQuant

/// Writes the `.varq` file of a plan, one tensor at a time.
///
/// Memory is bounded by pieces of a tensor, not by the model: a piece is read from the mapped
/// checkpoint, encoded and written, and its pages are given back.
public struct Converter {
  private let plan: ConversionPlan

  /// Prepares the conversion of a plan.
  public init(_ plan: ConversionPlan) { self.plan = plan }

  /// Writes the file.
  /// - Parameters:
  ///   - path: where it will be; it appears there when it is complete. A checkpoint of the plan is
  ///     refused.
  ///   - replacing: whether an existing file may be replaced.
  ///   - progress: is told about every piece.
  /// - Returns: What the conversion has cost, tensor by tensor.
  /// - Throws: an error that says what cannot be read, stored or written; nothing remains of the
  ///   file then.
  public func write(
    to path: String, replacing: Bool = false, progress: (ConversionProgress) -> Void = { _ in }
  ) throws -> ConversionReport {
    let outputs = Outputs(reading: plan.sourcePaths, replacing: replacing ? .always : .never)
    return try write(to: outputs.file(path), progress: progress)
  }

  /// Writes the file.
  /// - Parameters:
  ///   - file: where it will be; it appears there when it is complete.
  ///   - calibration: makes the content of some tensors.
  ///   - progress: is told about every piece.
  /// - Returns: What the conversion has cost, tensor by tensor.
  /// - Throws: `ConversionError`, errors of the checkpoint, `FileError`, what the calibration throws.
  package func write(
    to file: OutputFile, calibration: (any TensorCalibration)? = nil,
    progress: (ConversionProgress) -> Void = { _ in }
  ) throws -> ConversionReport {
    func complete(_ metadata: Metadata, _ errors: [Double]) -> Metadata {
      guard let calibration else { return metadata }
      var metadata = metadata
      metadata.values.merge(calibration.metadata.values) { $1 }
      metadata[Metadata.errorsKey] = .doubleList(errors)
      return metadata
    }
    let writer = try VarqWriter(
      file, metadata: complete(plan.provisionalMetadata, plan.tensors.map { _ in 0 }),
      tensors: plan.tensors.map(\.target))
    let statistics = try append(to: writer, calibration, .converting, progress)
    try writer.replace(complete(plan.metadata(), statistics.map(\.noise)))
    try writer.finish()
    return ConversionReport(plan: plan, statistics: statistics)
  }

  /// Writes a file without a name beside another, and opens it; it is gone when nobody uses it.
  package func writeUnnamed(
    beside file: OutputFile, calibration: (any TensorCalibration)? = nil,
    progress: (ConversionProgress) -> Void = { _ in }
  ) throws -> VarqFile {
    let writer = try VarqWriter(
      file, metadata: plan.provisionalMetadata, tensors: plan.tensors.map(\.target))
    _ = try append(to: writer, calibration, .copying, progress)
    return try writer.finishUnnamed()
  }

  /// Makes all tensors as for a file, and compares them with one that is there; writes nothing.
  /// - Returns: the names of the tensors that are the same byte for byte, and what storing each
  ///   tensor of the plan costs.
  package func compare(
    with file: VarqFile, calibration: (any TensorCalibration)? = nil,
    progress: (ConversionProgress) -> Void = { _ in }
  ) throws -> (same: Set<String>, statistics: [QuantizationStatistics]) {
    let comparison = VarqComparison(file, tensors: plan.tensors.map(\.target))
    let statistics = try append(to: comparison, calibration, .verifying, progress)
    return (comparison.same, statistics)
  }

  private func append(
    to sink: any TensorSink, _ calibration: (any TensorCalibration)?,
    _ phase: ConversionProgress.Phase, _ progress: (ConversionProgress) -> Void
  ) throws -> [QuantizationStatistics] {
    var tracker = ConversionProgress(
      phase: phase, total: plan.tensors.reduce(0) { $0 + $1.elementCount })
    func advance(_ tensor: PlannedTensor, _ count: Int) {
      tracker.tensor = tensor.name
      tracker.done += count
      progress(tracker)
    }
    return try withoutActuallyEscaping(advance) { advance in
      let pipeline = EncodingPipeline(to: sink, count: plan.tensors.count, progress: advance)
      // What is not encoded piece by piece, by index.
      var others: [Int: QuantizationStatistics] = [:]
      for (index, tensor) in plan.tensors.enumerated() {
        let stored = tensor.source.stored(in: tensor.target.format)
        if calibration != nil || stored != nil { try pipeline.flush() }
        if let cost = try calibration?.write(tensor, to: sink) {
          others[index] = cost
          advance(tensor, tensor.elementCount)
        } else if let stored {
          try sink.append(copying: stored.bytes, of: stored.file)
          others[index] = QuantizationStatistics(lossless: tensor.elementCount)
          advance(tensor, tensor.elementCount)
        } else {
          try pipeline.add(tensor, index: index)
        }
      }
      try pipeline.flush()
      return pipeline.statistics.enumerated().map { others[$0] ?? $1 }
    }
  }
}
