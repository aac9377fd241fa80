package import TensorBytes

extension Checkpoint {
  /// Opens a checkpoint, whose kind is told by its content; of a folder, the one that it holds.
  /// - Throws: ``CheckpointError`` for whatever is wrong with it.
  package static func open(_ path: String) throws(CheckpointError) -> Checkpoint {
    let path = Folder.exists(path) ? try find(inFolder: path) : path
    return try open(map(path))
  }

  /// Opens a mapped checkpoint; an index looks for its shards beside the file's path.
  /// - Throws: ``CheckpointError`` for whatever is wrong with it.
  package static func open(_ file: MappedFile) throws(CheckpointError) -> Checkpoint {
    var budget = FileBudget(size: file.count)
    let checkpoint = try open(file, &budget)
    // Headers are strewn over the file, and the system maps the pages around each.
    for file in checkpoint.files { file.release(0..<file.count) }
    return checkpoint
  }

  /// Opens a mapped file that is an index only where `isShard` is false.
  static func open(
    _ file: MappedFile, isShard: Bool = false, _ budget: inout FileBudget
  ) throws(CheckpointError) -> Checkpoint {
    switch try detect(file) {
    case .safetensors: return try openSafetensors(file, &budget)
    case .zip: return try openZip(file, &budget)
    case .pickle: return try openLegacy(file, &budget)
    case .index:
      if isShard { throw .unknownKind(path: file.path) }
      return try openShards(file, &budget)
    }
  }

  static func map(_ path: String) throws(CheckpointError) -> MappedFile {
    do throws(FileError) {
      return try MappedFile(path)
    } catch { throw .file(error) }
  }

  private enum Content {
    case safetensors
    case zip
    case pickle
    case index
  }

  private static func detect(_ file: MappedFile) throws(CheckpointError) -> Content {
    let start = bytes(of: file, at: 0, 16)
    let length = start.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    let looksLikeHeader = start.count > 8 && start[8] == UInt8(ascii: "{")
    if looksLikeHeader && length <= min(SafetensorsHeader.lengthLimit, file.count - 8) {
      return .safetensors
    }
    if start.starts(with: "PK\u{3}\u{4}".utf8) || start.starts(with: "PK\u{5}\u{6}".utf8) {
      return .zip
    }
    if start.count >= 2, start[0] == 0x80, (0...9).contains(start[1]) { return .pickle }
    if let what = ForeignFile.kind(start, file) {
      throw .unsupportedKind(path: file.path, what: what)
    }
    let text = bytes(of: file, at: 0, 4096).first { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }
    if text == UInt8(ascii: "{") { return .index }
    if looksLikeHeader { return .safetensors }
    throw .unknownKind(path: file.path)
  }

  static func bytes(of file: MappedFile, at offset: Int, _ count: Int) -> [UInt8] {
    guard offset <= file.count else { return [] }
    let range = offset..<min(file.count, offset + count)
    return (try? unsafe file.withBytes(in: range) { unsafe Array($0) }) ?? []
  }

  private static func openLegacy(
    _ file: MappedFile, _ budget: inout FileBudget
  ) throws(CheckpointError) -> Checkpoint {
    let container = try LegacyContainer(file, &budget)
    return try assemble(
      container.document, file, .pytorchLegacy,
      storages: container.ranges.map { StorageLocation(file: 0, range: $0) }, &budget)
  }

  /// Names the tensors of a pickle and joins them with the places of their storages.
  static func assemble(
    _ document: PickleDocument, _ file: MappedFile, _ kind: Kind, storages: [StorageLocation],
    _ budget: inout FileBudget
  ) throws(CheckpointError) -> Checkpoint {
    let flat: StateFlattening
    do throws(FlatteningError) {
      flat = try StateFlattening(document, &budget)
    } catch { throw .flattening(path: file.path, error) }
    return Checkpoint(
      path: file.path, kind: kind, files: [file],
      tensors: flat.tensors.map { name, index in
        let tensor = document.tensors[index]
        return CheckpointTensor(
          name: name, layout: tensor.layout, storage: tensor.storage, foreign: tensor.foreign)
      },
      leaves: flat.leaves, storages: storages, budget: budget)
  }
}
