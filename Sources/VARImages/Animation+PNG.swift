import CImageIO

extension Animation {
  /// The animation as an animated PNG, without loss; viewers that know no animation show the first
  /// frame.
  ///
  /// libpng compresses each frame; here its data chunks are wrapped as the APNG extension (PNG
  /// third edition, 11.3.6) says: `acTL`, then for each frame `fcTL` and `IDAT` or `fdAT`.
  /// - Throws: ``ImageError/encoding(kind:reason:)``.
  package func png(_ texts: [ImageText] = []) throws(ImageError) -> [UInt8] {
    var output: [UInt8] = []
    var sequence: UInt32 = 0
    for (index, frame) in frames.enumerated() {
      let chunks = PNGChunk.list(try frame.png(index == 0 ? texts : []))
      let data = chunks.filter { $0.type == "IDAT" }
      if index == 0 {
        output += [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]
        for chunk in chunks.prefix(while: { $0.type != "IDAT" }) { chunk.append(to: &output) }
        let count = UInt32(clamping: frames.count)
        PNGChunk(type: "acTL", data: bigEndian(count) + bigEndian(0)).append(to: &output)
      }
      control(of: index, &sequence).append(to: &output)
      for chunk in data {
        if index == 0 {
          chunk.append(to: &output)
        } else {
          PNGChunk(type: "fdAT", data: bigEndian(sequence) + chunk.data).append(to: &output)
          sequence += 1
        }
      }
    }
    PNGChunk(type: "IEND", data: []).append(to: &output)
    return output
  }

  private func control(of index: Int, _ sequence: inout UInt32) -> PNGChunk {
    let frame = frames[index]
    defer { sequence += 1 }
    let size = bigEndian(UInt32(clamping: frame.width)) + bigEndian(UInt32(clamping: frame.height))
    let delay = [UInt8(delays[index] >> 8), UInt8(delays[index] & 255), 0, 100]
    return PNGChunk(
      type: "fcTL", data: bigEndian(sequence) + size + bigEndian(0) + bigEndian(0) + delay + [0, 0])
  }
}

/// A piece of a PNG file that libpng has just written.
private struct PNGChunk {
  let type: String
  let data: [UInt8]

  /// Takes our own encoder's output apart.
  static func list(_ png: [UInt8]) -> [PNGChunk] {
    var chunks: [PNGChunk] = []
    var offset = 8
    while offset + 12 <= png.count {
      let length = png[offset..<offset + 4].reduce(0) { $0 << 8 | Int($1) }
      let start = offset + 8
      guard length <= png.count - start - 4 else { break }
      let type = String(decoding: png[offset + 4..<start], as: UTF8.self)
      chunks.append(PNGChunk(type: type, data: Array(png[start..<start + length])))
      offset = start + length + 4
    }
    return chunks
  }

  func append(to output: inout [UInt8]) {
    let body = Array(type.utf8) + data
    output += bigEndian(UInt32(clamping: data.count)) + body
    output += bigEndian(unsafe cimage_crc32(body, body.count))
  }
}

private func bigEndian(_ value: UInt32) -> [UInt8] {
  [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
}
