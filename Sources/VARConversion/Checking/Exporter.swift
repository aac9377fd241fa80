internal import Platform
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
  /// - Throws: `FileError`, before anything is written where a target is the reason.
  public func write(
    to folder: String, replacing: Bool = false, progress: (ConversionProgress) -> Void = { _ in }
  ) throws -> [String] {
    try Self.makeFolder(folder)
    let halves = ModelHalf.allCases.filter { half in
      model.tensors.contains { $0.specification.half == half }
    }
    let paths = halves.map { Self.path($0, folder) }
    for path in paths { try AtomicFileWriter(path, replacing: replacing).abandon() }
    var tracker = ConversionProgress(
      phase: .exporting, total: model.tensors.reduce(0) { $0 + $1.tensor.count })
    for (half, path) in zip(halves, paths) {
      try write(half) { entries in
        try SafetensorsWriter(path, replacing: replacing, entries: entries)
      } progress: { name, count in
        tracker.tensor = name
        tracker.done += count
        progress(tracker)
      }
    }
    return paths
  }

  private func write(
    _ half: ModelHalf, _ open: ([SafetensorsEntry]) throws -> SafetensorsWriter,
    progress: (_ tensor: String, _ count: Int) -> Void
  ) throws {
    let buffers = TensorManifest.rebuiltBuffers(of: model.configuration).filter { $0.half == half }
    // int64 first: then every tensor is aligned.
    let ordered =
      buffers.filter { $0.content == .levels } + buffers.filter { $0.content != .levels }
    let tensors = model.tensors.filter { $0.specification.half == half }
    let writer = try open(ordered.map(\.entry) + tensors.map(\.specification.entry))
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

  private static func path(_ half: ModelHalf, _ folder: String) -> String {
    (folder.hasSuffix("/") ? folder : folder + "/") + half.rawValue + ".safetensors"
  }

  /// Makes a folder and those above it.
  private static func makeFolder(_ path: String) throws(FileError) {
    if unsafe mkdir(path, 0o777) == 0 || errno == EEXIST { return }
    if errno == ENOENT, let slash = path.lastIndex(of: "/"), slash != path.startIndex {
      try makeFolder(String(path[..<slash]))
      if unsafe mkdir(path, 0o777) == 0 || errno == EEXIST { return }
    }
    throw .system(operation: "create", path: path, errno: errno)
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
