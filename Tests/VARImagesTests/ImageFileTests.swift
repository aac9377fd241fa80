import Foundation
import TestSupport
import Testing
import VARImages

/// Pictures that Pillow and a hand-written PNG writer made, see Fixtures/decoding/make.py.
struct ExpectedImage: Decodable {
  let width: Int
  let height: Int
  let rgb: Data
  let alpha: Data?

  static let all: [String: ExpectedImage] = {
    let url = URL(filePath: Repository.fixture("decoding/expected.json"))
    return (try? JSONDecoder().decode([String: ExpectedImage].self, from: Data(contentsOf: url)))
      ?? [:]
  }()

  static let files = all.keys.filter { !$0.contains("@") }.sorted()

  func image() throws -> Image {
    try Image(width: width, height: height, pixels: [UInt8](rgb))
  }
}

@Suite struct ImageFileTests {
  @Test func fixturesAreThere() { #expect(ExpectedImage.files.count == 65) }

  @Test(arguments: ExpectedImage.files)
  func decodes(name: String) throws {
    let expected = try #require(ExpectedImage.all[name])
    let file = try ImageFile(path: Repository.fixture("decoding/" + name))
    #expect(file.image == (try expected.image()))
    #expect(file.opacity == expected.alpha.map { [UInt8]($0) })
    // Some PNG files have their orientation in a text.
    #expect(name.hasPrefix("orientation-") || file.texts == [])
  }

  /// As the official loader of data sets reads them.
  @Test func orientationCanBeIgnored() throws {
    let photo = try ImageFile(path: Repository.fixture("decoding/photo.jpg")).image
    for name in ExpectedImage.files where name.hasPrefix("orientation-") && name.hasSuffix("jpg") {
      let file = try ImageFile(path: Repository.fixture("decoding/" + name), turned: false)
      #expect(file.image == photo, "\(name)")
    }
  }

  private func bytes(_ name: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: URL(filePath: Repository.fixture("decoding/" + name))))
  }

  @Test(arguments: ["rgba16i.png", "photo.jpg", "progressive.jpg", "cmyk.jpg"])
  func everyTruncationIsRefused(name: String) throws {
    let whole = try bytes(name)
    // The last bytes of a JPEG are the end marker, those of a PNG the empty end chunk.
    for count in stride(from: 0, to: whole.count - 12, by: 7) {
      #expect(throws: ImageError.self, "\(count) bytes") {
        try ImageFile(Array(whole[..<count]), name: name)
      }
    }
  }

  @Test(arguments: ["rgba16i.png", "palette4t.png", "photo.jpg", "cmyk.jpg", "exif6.jpg"])
  func flippedBitsNeverCrash(name: String) throws {
    let whole = try bytes(name)
    for index in whole.indices {
      var damaged = whole
      damaged[index] ^= 1 << (index % 8)
      _ = try? ImageFile(damaged, name: name)
    }
  }

  @Test func errorsAreExact() throws {
    #expect(throws: ImageError.unknownKind(name: "x", found: [])) { try ImageFile([], name: "x") }
    #expect(throws: ImageError.unknownKind(name: "x", found: [0x47, 0x49, 0x46, 0x38])) {
      try ImageFile(Array("GIF8".utf8), name: "x")
    }
    let png = try bytes("rgb8.png")
    #expect(
      throws: ImageError.damaged(name: "x", kind: "PNG", reason: "the file ends too early")
    ) { try ImageFile(Array(png.prefix(60)), name: "x") }
    var huge = png  // 65,535 × 65,535 pixels in a file of a few bytes
    huge.replaceSubrange(16..<24, with: [0, 0, 0xff, 0xff, 0, 0, 0xff, 0xff])
    let crc = crc32(huge[12..<29])
    huge.replaceSubrange(29..<33, with: crc)
    #expect(
      throws: ImageError.damaged(
        name: "x", kind: "PNG",
        reason:
          "65535 x 65535 pixels; at most 24 megapixels are read from a file of this size: scale it "
          + "down first")
    ) { try ImageFile(huge, name: "x") }
    #expect(throws: ImageError.samples(width: 2, height: 3, actual: 17)) {
      try Image(width: 2, height: 3, pixels: [UInt8](repeating: 0, count: 17))
    }
  }

  private func crc32(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
    var crc: UInt32 = ~0
    for byte in bytes {
      crc ^= UInt32(byte)
      for _ in 0..<8 { crc = crc & 1 != 0 ? crc >> 1 ^ 0xedb8_8320 : crc >> 1 }
    }
    return [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: ~crc >> $0) }
  }

  @Test func pngRoundTripKeepsPixelsAndTexts() throws {
    let image = try ImageFile(path: Repository.fixture("decoding/noise.png")).image
    let texts = [
      ImageText(keyword: "Software", text: "var-run"),
      ImageText(keyword: "var:classes", text: "bottine à talon"),
      ImageText(keyword: "empty", text: ""),
    ]
    let bytes = try image.png(texts)
    let read = try ImageFile(bytes, name: "memory")
    #expect(read.image == image)
    #expect(read.texts == texts)
    let folder = try TemporaryFolder()
    #expect(try ImageText.list(of: folder.write(bytes, to: "a.png")) == texts)
    for count in stride(from: 0, to: bytes.count, by: 7) {
      let cut = try ImageText.list(of: folder.write(Array(bytes.prefix(count)), to: "cut"))
      #expect(texts.starts(with: cut))
    }
    #expect(try image.png(texts) == bytes)
  }
}
