internal import TensorBytes

/// Files that people take for a checkpoint, told by their first bytes.
enum ForeignFile {
  /// What a file is, and what to do; nil where nobody knows.
  static func kind(_ start: [UInt8], _ file: MappedFile) -> String? {
    if start.isEmpty { return "empty; download or copy it again" }
    if Checkpoint.bytes(of: file, at: 257, 5) == Array("ustar".utf8) {
      return
        "a tar archive; unpack it (tar xf) and name the checkpoint within. If torch.save before "
        + "version 0.2 wrote it, load and save it with a newer PyTorch"
    }
    for (prefix, what) in signatures where start.starts(with: prefix) { return what }
    let text = Checkpoint.bytes(of: file, at: 0, 512).drop {
      [0xEF, 0xBB, 0xBF, 0x20, 0x09, 0x0A, 0x0D].contains($0)
    }
    let word = String(decoding: text.prefix(200), as: UTF8.self).lowercased()
    for (prefix, what) in texts where word.hasPrefix(prefix) { return what }
    if word.hasPrefix("<?xml") || word.hasPrefix("<") {
      return word.contains("<error") || word.contains("accessdenied")
        ? "an error message of a download server (XML), not the file; download it again"
        : "an XML or HTML text, not a checkpoint; download the file itself"
    }
    return nil
  }

  private static let page = "a web page (HTML), not a checkpoint; download the file itself"

  private static let texts = [
    ("version https://git-lfs", "a Git LFS pointer, not the file itself; fetch it (git lfs pull)"),
    ("<!doctype html", page), ("<html", page), ("<head", page),
  ]

  private static let signatures: [([UInt8], String)] = [
    ([0x1F, 0x8B], "compressed by gzip; decompress it first (gunzip)"),
    (Array("BZh".utf8), "compressed by bzip2; decompress it first (bunzip2)"),
    ([0xFD, 0x37, 0x7A, 0x58, 0x5A], "compressed by xz; decompress it first (unxz)"),
    ([0x28, 0xB5, 0x2F, 0xFD], "compressed by zstd; decompress it first (unzstd)"),
    ([0x37, 0x7A, 0xBC, 0xAF], "a 7z archive; unpack it and name the checkpoint within"),
    (Array("Rar!".utf8), "a RAR archive; unpack it and name the checkpoint within"),
    (
      Array("GGUF".utf8),
      "a GGUF file of llama.cpp, which holds no VAR checkpoint; use the file of PyTorch or safetensors"
    ),
    (
      [0x89, 0x48, 0x44, 0x46],
      "an HDF5 file, as Keras writes; save the state dict with PyTorch instead"
    ),
    (
      [0x93] + Array("NUMPY".utf8),
      "a NumPy array (.npy), not a checkpoint; save the tensors with torch.save or safetensors"
    ),
    ([0x89] + Array("VARQ".utf8), "a .varq file: it is converted already"),
    ([0x89] + Array("PNG".utf8), "a picture (PNG), not a checkpoint"),
    ([0xFF, 0xD8, 0xFF], "a picture (JPEG), not a checkpoint"),
    (Array("%PDF".utf8), "a PDF, not a checkpoint"),
    ([0x7F] + Array("ELF".utf8), "a program, not a checkpoint"),
  ]
}
