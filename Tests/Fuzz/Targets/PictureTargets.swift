import Foundation
import TensorBytes
import VAR
import VARImages

/// Pictures and the texts in them.
enum PictureTargets {
  private static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
  /// Above this a header costs more time than it is worth.
  private static let largestSide = 2048

  static func png(_ bytes: [UInt8]) { decode(sealed(signature + bytes.dropFirst(8))) }

  static func jpeg(_ bytes: [UInt8]) {
    if isLarge(bytes) { return }
    decode([0xFF, 0xD8, 0xFF] + bytes.dropFirst(3))
  }

  static func records(_ bytes: [UInt8]) {
    let png = MappedFile(sealed(signature + bytes.dropFirst(8)), named: "fuzz.png")
    for text in ImageText.list(of: png) { record(text.text) }
    // The bytes themselves as a record, which no chunk's length can hide.
    record(String(decoding: bytes, as: UTF8.self))
    _ = TokensFile.record(of: MappedFile(bytes, named: "fuzz.json"))
  }

  private static func record(_ text: String) {
    FuzzTarget.expect(PictureRecordError.self) {
      _ = try PictureRecord(json: text, path: "fuzz.png")
    }
    _ = try? JSONDecoder().decode(RunRecord.self, from: Data(text.utf8))
  }

  private static func decode(_ bytes: [UInt8]) {
    FuzzTarget.expect(ImageError.self) {
      let file = try ImageFile(bytes, name: "fuzz")
      if file.image.pixels.count != 3 * file.image.width * file.image.height {
        fatalError("the pixels do not fit the size")
      }
    }
  }

  /// The same PNG with the checksum of every chunk made right.
  private static func sealed(_ original: [UInt8]) -> [UInt8] {
    var bytes = original
    var offset = 8
    while offset + 12 <= bytes.count {
      let length = bytes[offset..<offset + 4].reduce(0) { $0 << 8 | Int($1) }
      guard length <= bytes.count - offset - 12 else { break }
      let end = offset + 8 + length
      let crc = Self.crc(bytes[offset + 4..<end])
      for byte in 0..<4 { bytes[end + byte] = UInt8(truncatingIfNeeded: crc >> (24 - 8 * byte)) }
      offset = end + 4
    }
    return bytes
  }

  private static let crcTable: [UInt32] = (0..<256).map { byte in
    (0..<8).reduce(UInt32(byte)) { crc, _ in crc & 1 != 0 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
  }

  private static func crc(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    ~bytes.reduce(~UInt32(0)) { $0 >> 8 ^ crcTable[Int(UInt8(truncatingIfNeeded: $0) ^ $1)] }
  }

  /// Whether a frame header of the JPEG says more than `largestSide`; such files are decoded too, but
  /// by the tests of hostile pictures.
  private static func isLarge(_ bytes: [UInt8]) -> Bool {
    for index in bytes.indices.dropLast(8)
    where bytes[index] == 0xFF && (0xC0...0xCF).contains(bytes[index + 1]) {
      let height = Int(bytes[index + 5]) << 8 | Int(bytes[index + 6])
      let width = Int(bytes[index + 7]) << 8 | Int(bytes[index + 8])
      if height > largestSide || width > largestSide { return true }
    }
    return false
  }
}
