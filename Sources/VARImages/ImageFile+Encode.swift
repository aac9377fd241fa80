import CImageIO

extension Image {
  /// Pixels that a side of a PNG may have.
  package static let longestSide = Int(CIMAGE_MAX_SIDE)

  /// The picture as a PNG file; the same picture gives the same bytes.
  /// - Throws: ``ImageError/encoding(kind:reason:)``.
  public func png() throws(ImageError) -> [UInt8] { try png([]) }

  /// The picture as a PNG file; the same picture and texts give the same bytes.
  /// - Throws: ``ImageError/encoding(kind:reason:)``.
  package func png(_ texts: [ImageText]) throws(ImageError) -> [UInt8] {
    var output = unsafe cimage_bytes()
    var message = [CChar](repeating: 0, count: Int(CIMAGE_MESSAGE_SIZE))
    let packed = ImageText.bytes(of: texts).map { CChar(bitPattern: $0) }
    let status = unsafe cimage_encode_png(
      pixels, UInt32(clamping: width), UInt32(clamping: height), packed, packed.count,
      &output, &message)
    guard status == 0 else {
      throw .encoding(kind: "PNG", reason: text(message))
    }
    defer { unsafe cimage_release_bytes(&output) }
    return unsafe Array(output)
  }
}

/// Frames of one size, shown one after the other, for ever.
package struct Animation: Sendable {
  /// The pictures; all have the size of the first.
  package let frames: [Image]
  /// How long each is shown, in hundredths of a second.
  package let delays: [UInt16]

  /// Makes an animation that shows the last frame longer than the others.
  /// - Throws: ``ImageError/size(expected:width:height:)`` if the frames' sizes differ,
  ///   ``ImageError/encoding(kind:reason:)`` if there are none.
  package init(_ frames: [Image], delay: UInt16 = 40, lastDelay: UInt16 = 200) throws(ImageError) {
    guard let first = frames.first else {
      throw .encoding(kind: "animation", reason: "there are no frames")
    }
    for frame in frames where frame.width != first.width || frame.height != first.height {
      throw .size(expected: first.width, width: frame.width, height: frame.height)
    }
    self.frames = frames
    self.delays = frames.indices.map { $0 == frames.count - 1 ? lastDelay : delay }
  }

  /// The animation as a GIF file, 256 colours a frame; texts are lines of a comment.
  /// - Throws: ``ImageError/encoding(kind:reason:)``.
  package func gif(_ texts: [ImageText] = []) throws(ImageError) -> [UInt8] {
    let palettes = frames.map(Palette.init)
    let colours = palettes.flatMap { palette in
      palette.colours
        + [UInt8](repeating: 0, count: 3 * Palette.limit - palette.colours.count)
    }
    var output = unsafe cimage_bytes()
    var message = [CChar](repeating: 0, count: Int(CIMAGE_MESSAGE_SIZE))
    let status = unsafe cimage_encode_gif(
      palettes.flatMap(\.indices), colours, UInt32(clamping: frames.count),
      UInt32(clamping: frames[0].width), UInt32(clamping: frames[0].height), delays,
      ImageText.comment(texts), &output, &message)
    guard status == 0 else {
      throw .encoding(kind: "GIF", reason: text(message))
    }
    defer { unsafe cimage_release_bytes(&output) }
    return unsafe Array(output)
  }
}
