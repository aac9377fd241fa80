internal import TensorBytes

extension Checkpoint {
  /// What a snapshot of Hugging Face calls its weights, the best first.
  private static let snapshotNames = ["model", "diffusion_pytorch_model", "pytorch_model"].flatMap {
    ["\($0).safetensors.index.json", "\($0).safetensors", "\($0).bin.index.json", "\($0).bin"]
  }

  /// The checkpoint of a folder: that of a snapshot, or the only one.
  /// - Throws: ``CheckpointError/unsupportedKind(path:what:)`` if there are none or several.
  static func find(inFolder path: String) throws(CheckpointError) -> String {
    let names: [String]
    do throws(FileError) { names = try Folder.list(path) } catch { throw .file(error) }
    let folder = path.hasSuffix("/") ? path : path + "/"
    if let name = snapshotNames.first(where: names.contains) { return folder + name }
    let indices = names.filter { $0.hasSuffix(".index.json") }
    let candidates =
      indices.isEmpty
      ? names.filter { name in suffixes.contains { name.lowercased().hasSuffix($0) } } : indices
    if candidates.count == 1 { return folder + candidates[0] }
    throw .unsupportedKind(
      path: path,
      what: candidates.isEmpty
        ? "a folder without a checkpoint in it; name the file"
        : "a folder with several checkpoints: name one of "
          + candidates.prefix(6).joined(separator: ", ")
          + (candidates.count > 6 ? " and \(candidates.count - 6) more" : ""))
  }

  private static let suffixes = [".safetensors", ".pth", ".pt", ".ckpt", ".bin"]
}
