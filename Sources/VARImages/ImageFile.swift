import CImageIO
import TensorBytes

/// A picture as a file holds it, upright.
package struct ImageFile: Sendable {
  /// Its path, or what it is called in messages.
  package let name: String
  /// The colours; what the file says about transparency is not applied to them (the official
  /// evaluation's loader leaves it out too).
  package let image: Image
  /// Opacity of each pixel [height, width], if the file has any that is not 255.
  package let opacity: [UInt8]?
  /// Text chunks of a PNG in file order.
  package let texts: [ImageText]

  /// A picture that is in memory.
  package init(name: String, image: Image, opacity: [UInt8]? = nil) {
    self.name = name
    self.image = image
    self.opacity = opacity
    texts = []
  }

  /// Bytes of a picture that comes through a pipe, at most.
  private static let pipeLimit = 256 << 20

  /// Reads a PNG or JPEG file, a pipe, or for `-` the standard input; which kind of picture it is is
  /// told by its first bytes.
  /// - Parameter turned: whether it is turned upright, by what it says of the camera; the official
  ///   loader of data sets doesn't.
  /// - Throws: `FileError`, ``ImageError``.
  package init(path: String, turned: Bool = true) throws {
    if let bytes = try PipedInput.read(path, limit: Self.pipeLimit) {
      try self.init(bytes, name: path == "-" ? "the standard input" : path, turned: turned)
      return
    }
    let file = try MappedFile(path)
    self = try unsafe file.withBytes(in: 0..<file.count) { bytes in
      try unsafe ImageFile(bytes: bytes, name: path, turned: turned)
    }
  }

  /// Decodes a PNG or JPEG in memory.
  /// - Throws: ``ImageError``.
  package init(_ bytes: [UInt8], name: String, turned: Bool = true) throws(ImageError) {
    do {
      self = try unsafe bytes.withUnsafeBytes { bytes in
        try unsafe ImageFile(bytes: bytes, name: name, turned: turned)
      }
    } catch let error as ImageError {
      throw error
    } catch {
      throw .damaged(name: name, kind: "picture", reason: "\(error)")
    }
  }

  private init(bytes: UnsafeRawBufferPointer, name: String, turned: Bool) throws(ImageError) {
    let start = unsafe [UInt8](bytes.prefix(16))
    let kind: String
    let decode: Decoder
    if start.starts(with: [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]) {
      kind = "PNG"
      unsafe decode = unsafe cimage_decode_png
    } else if start.starts(with: [0xff, 0xd8, 0xff]) {
      kind = "JPEG"
      unsafe decode = unsafe cimage_decode_jpeg
    } else {
      throw .unknownKind(name: name, found: start)
    }
    var picture = unsafe cimage_picture()
    var message = [CChar](repeating: 0, count: Int(CIMAGE_MESSAGE_SIZE))
    let status = unsafe decode(
      bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count, &picture, &message)
    guard status == 0 else {
      throw .damaged(name: name, kind: kind, reason: text(message))
    }
    defer { unsafe cimage_release_picture(&picture) }
    unsafe self.init(&picture, name: name, turned: turned)
  }

  private typealias Decoder =
    @convention(c) (
      UnsafePointer<UInt8>?, Int, UnsafeMutablePointer<cimage_picture>?,
      UnsafeMutablePointer<CChar>?
    ) -> Int32

  /// Takes the pixels over and releases them early: two copies of a large picture are enough.
  private init(_ picture: inout cimage_picture, name: String, turned: Bool) {
    self.name = name
    let width = unsafe Int(picture.width)
    let height = unsafe Int(picture.height)
    let channels = unsafe Int(picture.channels)
    let samples = unsafe UnsafeBufferPointer(
      start: picture.pixels, count: width * height * channels)
    var colours: [UInt8]
    var opacity: [UInt8]?
    if channels == 3 {
      colours = unsafe [UInt8](samples)
    } else {
      (colours, opacity) = unsafe Self.split(samples)
    }
    let texts = unsafe ImageText.list([UInt8](picture.text))
    let orientation =
      turned ? unsafe ExifOrientation([UInt8](picture.exif), [UInt8](picture.xmp), texts) : .upright
    unsafe cimage_release_picture(&picture)
    self.image = orientation.apply(Image(validWidth: width, height: height, pixels: colours))
    self.opacity = opacity.map { orientation.apply($0, width: width, height: height, channels: 1) }
    self.texts = texts
  }

  /// RGBA into RGB and, unless it is 255 everywhere, alpha.
  private static func split(_ samples: UnsafeBufferPointer<UInt8>) -> ([UInt8], [UInt8]?) {
    let count = samples.count / 4
    var colours = [UInt8](repeating: 0, count: 3 * count)
    var opacity = [UInt8](repeating: 0, count: count)
    for index in 0..<count {
      for channel in 0..<3 {
        colours[3 * index + channel] = unsafe samples[4 * index + channel]
      }
      opacity[index] = unsafe samples[4 * index + 3]
    }
    return (colours, opacity.allSatisfy { $0 == 255 } ? nil : opacity)
  }
}

extension Image {
  /// Reads a PNG or JPEG file, told by its first bytes, upright; transparency is left out.
  /// - Throws: ``ImageError``, and errors of the file.
  public init(path: String) throws { self = try ImageFile(path: path).image }
}

/// One text chunk of a PNG.
package struct ImageText: Equatable, Sendable {
  /// The chunk's keyword: 1 to 79 characters of ASCII.
  package let keyword: String
  /// Its text, without zero bytes.
  package let text: String

  /// Makes an entry.
  package init(keyword: String, text: String) {
    self.keyword = keyword
    self.text = text
  }

  /// From keyword, 0, text, 0, and so on.
  static func list(_ bytes: [UInt8]) -> [ImageText] {
    let parts = bytes.split(separator: 0, omittingEmptySubsequences: false)
      .map { String(decoding: $0, as: UTF8.self) }
    return stride(from: 0, to: parts.count - 1, by: 2).map { index in
      ImageText(keyword: parts[index], text: parts[index + 1])
    }
  }

  /// Into keyword, 0, text, 0, and so on.
  static func bytes(of list: [ImageText]) -> [UInt8] {
    list.flatMap { entry in
      Array(entry.keyword.utf8.filter { $0 != 0 }) + [0] + entry.text.utf8.filter { $0 != 0 } + [0]
    }
  }
}

extension Array where Element == UInt8 {
  init(_ bytes: cimage_bytes) {
    self = unsafe Array(UnsafeBufferPointer(start: bytes.bytes, count: bytes.size))
  }
}

/// A C string in an array, up to its zero.
func text(_ message: [CChar]) -> String {
  String(decoding: message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
