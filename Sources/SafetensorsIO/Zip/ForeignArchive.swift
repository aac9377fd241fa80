internal import TensorBytes

/// Archives that people take for a checkpoint, told by the names of their entries.
enum ForeignArchive {
  /// What an archive holds that torch.save did not write, and what to do; nil where nobody knows.
  static func kind(of archive: ZipArchive) -> String? {
    let names = archive.entries.keys.map(\.text)
    func any(_ suffixes: String...) -> String? {
      names.filter { name in suffixes.contains { name.lowercased().hasSuffix($0) } }.min()
    }
    if names.contains(where: {
      $0.hasSuffix("archive_format") || $0.hasSuffix("serialized_exported_program.json")
        || $0.contains("/data/aotinductor/") || $0.hasSuffix("models/model.json")
    }) {
      return "an exported program (torch.export, .pt2), not a state dict; save "
        + "model.state_dict() with torch.save"
    }
    if !names.isEmpty, names.allSatisfy({ $0.hasSuffix(".npy") }) {
      return "NumPy arrays (.npz), not a checkpoint; load it with numpy.load and save the tensors "
        + "with torch.save or safetensors"
    }
    if let name = any(".pth", ".pt", ".ckpt", ".safetensors", ".bin", ".tar") {
      return "other files, such as \(name.prefix(200)); unpack it and name the checkpoint within"
    }
    if any("metadata.json") != nil, any("config.json") != nil {
      return "a Keras model, not a checkpoint of PyTorch"
    }
    return nil
  }
}
