internal import TensorBytes

extension Checkpoint {
  /// Opens a checkpoint, whose kind is told by its content.
  /// - Throws: ``CheckpointError`` for whatever is wrong with it.
  package static func open(_ path: String) throws(CheckpointError) -> Checkpoint {
    let file = try map(path)
    let checkpoint =
      switch try detect(file) {
      case .safetensors: try openSafetensors(file)
      case .zip: try openZip(file)
      case .pickle: try openLegacy(file)
      case .index: try openShards(file)
      }
    // Headers are strewn over the file, and the system maps the pages around each.
    for file in checkpoint.files { file.release(0..<file.count) }
    return checkpoint
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
    if start.count >= 2, start[0] == 0x80, (1...5).contains(start[1]) { return .pickle }
    if let what = foreignKind(start, file) {
      throw .unsupportedKind(path: file.path, what: what)
    }
    let text = bytes(of: file, at: 0, 4096).first { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }
    if text == UInt8(ascii: "{") { return .index }
    if looksLikeHeader { return .safetensors }
    throw .unknownKind(path: file.path)
  }

  /// Files that people take for a checkpoint.
  private static func foreignKind(_ start: [UInt8], _ file: MappedFile) -> String? {
    if start.isEmpty { return "empty" }
    if bytes(of: file, at: 257, 5) == Array("ustar".utf8) {
      return "a tar archive, as torch.save wrote before version 0.2; load and save it with a "
        + "newer PyTorch"
    }
    let known: [(prefix: String, what: String)] = [
      ("version https://", "a Git LFS pointer, not the file itself; fetch it (git lfs pull)"),
      ("<!DOCTYPE", "a web page, not a checkpoint; download the file itself"),
      ("<html", "a web page, not a checkpoint; download the file itself"),
      ("GGUF", "a GGUF file, which holds no VAR checkpoint"),
    ]
    if let match = known.first(where: { start.starts(with: $0.prefix.utf8.prefix(16)) }) {
      return match.what
    }
    if start.starts(with: [0x89, 0x48, 0x44, 0x46]) { return "an HDF5 file, not a checkpoint" }
    if start.starts(with: [0x1F, 0x8B]) { return "compressed by gzip; decompress it first" }
    return nil
  }

  static func bytes(of file: MappedFile, at offset: Int, _ count: Int) -> [UInt8] {
    guard offset <= file.count else { return [] }
    let range = offset..<min(file.count, offset + count)
    return (try? unsafe file.withBytes(in: range) { unsafe Array($0) }) ?? []
  }

  private static func openLegacy(_ file: MappedFile) throws(CheckpointError) -> Checkpoint {
    let container = try LegacyContainer(file)
    return try assemble(
      container.document, file, .pytorchLegacy,
      storages: container.ranges.map { StorageLocation(file: 0, range: $0) })
  }

  /// Names the tensors of a pickle and joins them with the places of their storages.
  static func assemble(
    _ document: PickleDocument, _ file: MappedFile, _ kind: Kind, storages: [StorageLocation]
  ) throws(CheckpointError) -> Checkpoint {
    let flat: StateFlattening
    do throws(FlatteningError) {
      flat = try StateFlattening(document)
    } catch { throw .flattening(path: file.path, error) }
    return Checkpoint(
      path: file.path, kind: kind, files: [file],
      tensors: flat.tensors.map { name, index in
        let tensor = document.tensors[index]
        return CheckpointTensor(name: name, layout: tensor.layout, storage: tensor.storage)
      },
      leaves: flat.values.map { CheckpointLeaf(name: $0.name, value: $0.value) },
      storages: storages)
  }
}
