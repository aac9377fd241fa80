package import TensorBytes

extension ImageText {
  /// The text chunks before the pixels of a PNG file, uncompressed, or the comment before those of a
  /// GIF, as we write them; none of anything else. The pixels are not looked at.
  /// - Throws: `FileError`.
  package static func list(of path: String) throws(FileError) -> [ImageText] {
    list(of: try MappedFile(path))
  }

  /// The same of a mapped file.
  package static func list(of file: MappedFile) -> [ImageText] {
    func bytes(_ offset: Int, _ count: Int) -> [UInt8]? {
      guard offset >= 0, count >= 0, offset <= file.count - count else { return nil }
      return try? unsafe file.withBytes(in: offset..<offset + count) { unsafe [UInt8]($0) }
    }
    if bytes(0, 6) == Array("GIF89a".utf8) { return list(ofComment: comment(bytes)) }
    guard bytes(0, 8) == [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a] else { return [] }
    var texts: [ImageText] = []
    var offset = 8
    while let head = bytes(offset, 8) {
      let length = head[..<4].reduce(0) { $0 << 8 | Int($1) }
      let type = String(decoding: head[4...], as: UTF8.self)
      if type == "IDAT" { break }
      if let content = bytes(offset + 8, length), let text = text(type, content) {
        texts.append(text)
      }
      offset += 12 + length
    }
    return texts
  }

  /// tEXt is keyword, 0, text; iTXt has two flags after the 0, and a language and a translated
  /// keyword, each with its 0, before the text.
  private static func text(_ type: String, _ content: [UInt8]) -> ImageText? {
    guard let end = content.firstIndex(of: 0) else { return nil }
    var text = content[(end + 1)...]
    switch type {
    case "tEXt": break
    case "iTXt":
      guard text.first == 0 else { return nil }
      text = text.dropFirst(2)
      for _ in 0..<2 {
        guard let zero = text.firstIndex(of: 0) else { return nil }
        text = text[(zero + 1)...]
      }
    default: return nil
    }
    return ImageText(
      keyword: String(decoding: content[..<end], as: UTF8.self),
      text: String(decoding: text, as: UTF8.self))
  }

  /// Texts as the comment of a GIF, a line each.
  static func comment(_ texts: [ImageText]) -> String {
    texts.map { "\($0.keyword): \($0.text.split(separator: "\n").joined(separator: " "))" }
      .joined(separator: "\n")
  }

  private static func list(ofComment comment: [UInt8]) -> [ImageText] {
    String(decoding: comment, as: UTF8.self).split(separator: "\n").compactMap { line in
      let parts = line.split(separator: ": ", maxSplits: 1)
      return parts.count == 2
        ? ImageText(keyword: String(parts[0]), text: String(parts[1])) : nil
    }
  }

  /// Bytes of a comment that are read, about.
  private static let commentLimit = 1 << 20

  /// The first comment among the extensions before the first frame of a GIF without a global
  /// palette, as ours are.
  private static func comment(_ bytes: (_ offset: Int, _ count: Int) -> [UInt8]?) -> [UInt8] {
    var offset = 13
    // Ours have two; a file of strangers may have millions.
    for _ in 0..<16 {
      guard let head = bytes(offset, 2), head[0] == 0x21 else { break }
      var content: [UInt8] = []
      offset += 2
      while let size = bytes(offset, 1)?[0], size > 0, let block = bytes(offset + 1, Int(size)) {
        if head[1] == 0xFE, content.count < commentLimit { content += block }
        offset += 1 + Int(size)
      }
      if head[1] == 0xFE { return content }
      offset += 1
    }
    return []
  }
}
