import Foundation
import TestSupport
import Testing

/// Small pictures that would take much time or memory.
@Suite(.serialized) struct HostilePictureTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// Runs the program on a picture and holds it to what any file of at most 10 MB may cost.
  @discardableResult
  private func answer(
    _ bytes: [UInt8], status: Int32, line: Int = #line
  ) throws -> CommandResult {
    #expect(bytes.count <= 10_000_000, "line \(line)")
    let result = try CommandRunner.answer(
      "var-run",
      [
        "tokenize", folder.write(bytes, to: "picture"), "--fit", "pad", "--force", "--model",
        ConvertedModel.path(), "--output", folder.file("tokens.json"),
      ], line: line)
    #expect(result.status == status, "line \(line): \(result.errors)")
    return result
  }

  private static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

  private func big(_ value: UInt32) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
  }

  private func chunk(_ type: String, _ data: [UInt8], length: UInt32? = nil) -> [UInt8] {
    let content = Array(type.utf8) + data
    var crc: UInt32 = ~0
    for byte in content {
      crc ^= UInt32(byte)
      for _ in 0..<8 { crc = crc & 1 != 0 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
    }
    return big(length ?? UInt32(data.count)) + content + big(~crc)
  }

  /// A zlib stream of zeros.
  private func zeros(_ count: Int) -> [UInt8] {
    // Adler-32 of zeros: the sums are 1 and how many there were.
    [0x78, 0x9C] + StoredZip.Content.zeros(count).bytes
      + big(UInt32(count % 65_521) << 16 | 1)
  }

  /// A black picture; `extra` comes before its pixels.
  private func png(_ width: Int, _ height: Int, rgba: Bool = false, extra: [UInt8] = []) -> [UInt8]
  {
    let header =
      big(UInt32(width)) + big(UInt32(height)) + [8, rgba ? 6 : 2, 0, 0, 0]
    let pixels = zeros(((rgba ? 4 : 3) * width + 1) * height)
    return Self.signature + chunk("IHDR", header) + extra + chunk("IDAT", pixels)
      + chunk("IEND", [])
  }

  /// A small picture with a text.
  func picture(text keyword: String, _ text: [UInt8]) -> [UInt8] {
    png(8, 8, extra: chunk("tEXt", Array(keyword.utf8) + [0] + text))
  }

  @Test func lyingLengths() throws {
    let start = Self.signature + chunk("IHDR", big(32) + big(32) + [8, 2, 0, 0, 0])
    for type in ["iCCP", "IDAT", "zTXt", "eXIf", "abCd"] {
      let lie = chunk(type, [1, 2], length: 0x7FFF_FFFF)
      let result = try answer(start + lie, status: 1)
      #expect(result.errors.contains("ends too early"), "\(result.errors)")
    }
    try answer(png(32, 32), status: 0)
  }

  @Test func profilesAndTexts() throws {
    let profile = chunk("iCCP", Array("a\0\0".utf8) + zeros(256 << 20))
    try answer(png(32, 32, extra: profile), status: 0)
    let content = zeros(8 << 20)
    var texts: [UInt8] = []
    for index in 0..<50 {
      texts += chunk("zTXt", Array("k\(index)\0\0".utf8) + content)
      texts += chunk("iTXt", Array("k\(index)\0\u{1}\0\0\0".utf8) + content)
    }
    try answer(png(32, 32, extra: texts), status: 0)
  }

  @Test func pixels() throws {
    try answer(png(4900, 4900), status: 0)
    try answer(png(4900, 4900, rgba: true), status: 0)
    let large = try answer(png(8000, 8000), status: 1)
    #expect(large.errors.contains("scale it down"), "\(large.errors)")
    // Few bytes that say that they are many pixels.
    let header = big(4900) + big(4900) + [8, 2, 0, 0, 0]
    let few = try answer(
      Self.signature + chunk("IHDR", header) + chunk("IDAT", zeros(1000)) + chunk("IEND", []),
      status: 1)
    #expect(few.errors.contains("too few"), "\(few.errors)")
  }

  /// A mask is read whole, to tell what kind it is.
  @Test(arguments: [false, true]) func masks(rgba: Bool) throws {
    let mask = try folder.write(png(4900, 4900, rgba: rgba), to: "mask")
    let result = try CommandRunner.answer(
      "var-run",
      [
        "inpaint", Repository.fixture("documentation/photo.png"), "--mask", mask, "--preview",
        "--model", ConvertedModel.path(), "--output", folder.file("preview-\(rgba).png"),
      ])
    #expect(result.status == 0, "\(result.errors)")
    // Black keeps everything; what is transparent everywhere was erased.
    #expect(result.errors.contains(rgba ? "keeps nothing" : "leaves nothing"), "\(result.errors)")
  }
}
