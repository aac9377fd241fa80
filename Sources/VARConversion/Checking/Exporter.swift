internal import SafetensorsIO
internal import TensorBytes
package import VARModel
internal import VARQuant

/// Writes the halves of a `.varq` file as safetensors with the official names and shapes, in f32.
///
/// PyTorch's modules load them with `strict=True`: the buffers that a `.varq` file leaves out are
/// rebuilt.
public struct Exporter {
  private let model: ModelFile

  /// Opens a `.varq` file for its export.
  /// - Throws: an error that says why the file is no model.
  public init(_ path: String) throws { self.init(try ModelFile(path)) }

  /// Prepares the export of a model.
  package init(_ model: ModelFile) { self.model = model }

  /// Writes `var.safetensors` and `vae.safetensors`, as far as the model has these halves.
  /// - Parameters:
  ///   - folder: is created if it is missing.
  ///   - replacing: whether existing files may be replaced.
  ///   - progress: is told about every piece.
  /// - Returns: the paths written.
  /// - Throws: an error that says why a file cannot be written, before anything is where the target
  ///   is the reason.
  public func write(
    to folder: String, replacing: Bool = false, progress: (ConversionProgress) -> Void = { _ in }
  ) throws -> [String] {
    let halves = ModelHalf.allCases.filter { half in
      model.tensors.contains { $0.specification.half == half }
    }
    let outputs = Outputs(reading: [model.file.path], replacing: replacing ? .always : .never)
    let files = try outputs.files(in: folder, named: halves.map { $0.rawValue + ".safetensors" })
    var tracker = ConversionProgress(
      phase: .exporting, total: model.tensors.reduce(0) { $0 + $1.tensor.count })
    for (half, file) in zip(halves, files) {
      try write(half, to: file) { name, count in
        tracker.tensor = name
        tracker.done += count
        progress(tracker)
      }
    }
    return files.map(\.path)
  }

  private func write(
    _ half: ModelHalf, to file: OutputFile, _ progress: (_ tensor: String, _ count: Int) -> Void
  ) throws {
    let buffers = TensorManifest.rebuiltBuffers(of: model.configuration).filter { $0.half == half }
    // int64 first: then every tensor is aligned.
    let ordered =
      buffers.filter { $0.content == .levels } + buffers.filter { $0.content != .levels }
    let tensors = model.tensors.filter { $0.specification.half == half }
    let writer = try SafetensorsWriter(
      file, entries: ordered.map(\.entry) + tensors.map(\.specification.entry))
    for buffer in ordered { try write(buffer, writer) }
    for (specification, tensor) in tensors {
      try write(specification, tensor, writer) { progress(specification.name, $0) }
    }
    try writer.finish()
  }

  private func write(
    _ specification: TensorSpecification, _ tensor: VarqTensor, _ writer: SafetensorsWriter,
    _ progress: (Int) -> Void
  ) throws {
    let order = StoredOrder(specification)
    let matrix = tensor.matrix
    for rows in (0..<matrix.rows).rowPieces(columns: matrix.columns) {
      var values = try matrix.floats(rows: rows)
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

extension TensorSpecification {
  fileprivate var entry: SafetensorsEntry {
    SafetensorsEntry(name: upstreamName, type: .f32, shape: upstreamShape)
  }
}

extension RebuiltBuffer {
  fileprivate var entry: SafetensorsEntry {
    SafetensorsEntry(name: upstreamName, type: content == .levels ? .i64 : .f32, shape: shape)
  }
}
