internal import SafetensorsIO
package import TensorBytes
internal import VARModel
internal import VARQuant

/// Writes the halves of a `.varq` file as safetensors with the official names and shapes, in f32.
///
/// PyTorch's modules load them with `strict=True`: the buffers that a `.varq` file leaves out are
/// rebuilt.
package struct Exporter {
  private let model: ConvertedModel

  /// Prepares the export of a model.
  package init(_ model: ConvertedModel) { self.model = model }

  /// Writes `var.safetensors` and `vae.safetensors`, as far as the model has these halves.
  /// - Parameters:
  ///   - folder: is created if it is missing.
  ///   - replacing: which existing files may be replaced.
  /// - Returns: the paths written.
  /// - Throws: `OutputError`, before anything is written where a target is the reason.
  package func write(
    to folder: String, replacing: Replacement = .never,
    progress: (ConversionProgress) -> Void = { _ in }
  ) throws -> [String] {
    let halves = ModelHalf.allCases.filter { half in
      model.tensors.contains { $0.specification.half == half }
    }
    let outputs = Outputs(reading: [model.file.path], replacing: replacing)
    let files = try outputs.files(
      in: folder, named: halves.map { $0.rawValue + ".safetensors" })
    var tracker = ConversionProgress(
      phase: .exporting, total: model.tensors.reduce(0) { $0 + $1.tensor.count })
    for (half, file) in zip(halves, files) {
      let tensors = model.tensors.filter { $0.specification.half == half }
      let buffers = TensorManifest.rebuiltBuffers(of: model.configuration).filter {
        $0.half == half
      }
      // int64 first: then every tensor is aligned.
      let ordered =
        buffers.filter { $0.content == .levels } + buffers.filter { $0.content != .levels }
      let writer = try SafetensorsWriter(
        file,
        entries: ordered.map(\.entry)
          + tensors.map {
            SafetensorsEntry(
              name: $0.specification.upstreamName, type: .f32,
              shape: $0.specification.upstreamShape)
          })
      for buffer in ordered { try write(buffer, writer) }
      for (specification, tensor) in tensors {
        tracker.tensor = specification.name
        try write(specification, tensor, writer) { count in
          tracker.done += count
          progress(tracker)
        }
      }
      try writer.finish()
    }
    return files.map(\.path)
  }

  private func write(
    _ specification: TensorSpecification, _ tensor: VarqTensor, _ writer: SafetensorsWriter,
    _ progress: (Int) -> Void
  ) throws {
    let order = StoredOrder(specification)
    try tensor.forEachPiece { values in
      try unsafe values.withUnsafeMutableBufferPointer { values in
        unsafe order.toUpstream(values)
        try unsafe writer.append(UnsafeRawBufferPointer(values))
      }
      progress(values.count)
    }
    model.file.file.release(tensor.bytes)
  }

  private func write(_ buffer: RebuiltBuffer, _ writer: SafetensorsWriter) throws {
    switch buffer.content {
    case .levels:
      let levels = (model.configuration.transformer?.levels ?? []).map { Int64($0) }
      try unsafe levels.withUnsafeBytes { try unsafe writer.append($0) }
    case .mask:
      let levels = model.configuration.transformer?.levels ?? []
      for level in levels {
        let row = levels.map { $0 <= level ? Float(0) : -.infinity }
        try unsafe row.withUnsafeBytes { try unsafe writer.append($0) }
      }
    case .zeros, .statistic:
      let zeros = [Float](repeating: 0, count: buffer.shape.reduce(1, *))
      try unsafe zeros.withUnsafeBytes { try unsafe writer.append($0) }
    }
  }
}

extension RebuiltBuffer {
  fileprivate var entry: SafetensorsEntry {
    SafetensorsEntry(name: upstreamName, type: content == .levels ? .i64 : .f32, shape: shape)
  }
}

extension VarqTensor {
  /// Passes over the values, some whole rows at a time.
  func forEachPiece(_ body: (inout [Float]) throws -> Void) throws {
    let step = max(1, (1 << 18) / matrix.columns)
    for start in stride(from: 0, to: matrix.rows, by: step) {
      var values = try matrix.floats(rows: start..<min(start + step, matrix.rows))
      try body(&values)
    }
  }
}
