/// Kinds of pictures that are named, not read; told by their first sixteen bytes.
enum ForeignPicture {
  /// The kind with its article; nil where nobody knows.
  static func kind(_ start: [UInt8]) -> String? {
    func begins(_ text: String, at offset: Int = 0) -> Bool {
      start.dropFirst(offset).starts(with: text.utf8)
    }
    if begins("RIFF"), begins("WEBP", at: 8) { return "a WebP picture" }
    if begins("ftyp", at: 4) {
      let brand = start.dropFirst(8).prefix(4)
      if brand.starts(with: "avi".utf8) { return "an AVIF picture" }
      if ["heic", "heix", "hevc", "heim", "heis", "mif1", "msf1"].contains(where: {
        brand.elementsEqual($0.utf8)
      }) {
        return "an HEIC picture"
      }
      return "a video (MP4)"
    }
    if start.starts(with: [0x49, 0x49, 0x2A, 0]) || start.starts(with: [0x4D, 0x4D, 0, 0x2A]) {
      return "a TIFF picture"
    }
    if begins("GIF8") { return "a GIF picture" }
    if begins("BM") { return "a BMP picture" }
    if start.starts(with: [0xFF, 0x0A]) || begins("JXL ", at: 4) { return "a JPEG XL picture" }
    if begins("<svg") || begins("<?xml") { return "an SVG picture or another XML text" }
    if begins("%PDF") { return "a PDF" }
    return nil
  }
}
