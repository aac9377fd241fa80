import TensorBytes
import TestSupport
import Testing
import VARQuant

/// Files that lie, with a checksum that is right: every lie is found, by name.
@Suite struct LyingFileTests {
  private let folder: TemporaryFolder
  private let bytes: [UInt8]

  init() throws {
    folder = try TemporaryFolder()
    bytes = try SampleFile.bytes(SampleFile.write(folder))
  }

  /// A change of the sample file and the error that it must give.
  struct Lie: Sendable, CustomStringConvertible {
    let offset: Int
    let replacement: [UInt8]
    let defect: VarqDefect

    init(_ offset: Int, _ replacement: [UInt8], _ defect: VarqDefect) {
      self.offset = offset
      self.replacement = replacement
      self.defect = defect
    }

    var description: String { "\(defect)" }
  }

  // The offsets are those of the example in formats/varq-v1.md.
  static let lies: [Lie] = [
    Lie(0, [0x88], .notVarq),
    Lie(8, [2], .unsupportedVersion(major: 2, minor: 0)),
    Lie(8, [0, 0, 9], .unsupportedVersion(major: 0, minor: 9)),
    Lie(
      12, [1, 0, 16, 0],
      .headerField(name: "the number of metadata entries", value: 1 << 20 + 1, limit: 1 << 20)),
    Lie(
      16, [1, 0, 16, 0],
      .headerField(name: "the number of tensors", value: 1 << 20 + 1, limit: 1 << 20)),
    Lie(24, [0xC3], .fileSize(declared: 451, actual: 452)),
    Lie(24, [0xC4, 0x01, 0, 0, 0, 0, 0, 0xFF], .fileSize(declared: 0xFF << 56 + 452, actual: 452)),
    Lie(12, [1], .unusedBytes(section: "metadata", offset: 120, count: 29)),
    Lie(12, [3], .entry(.truncated(offset: 149, wanted: 2, available: 0))),
    Lie(16, [1], .unusedBytes(section: "tensor table", offset: 214, count: 73)),
    Lie(16, [3], .entry(.truncated(offset: 287, wanted: 2, available: 0))),
    Lie(0x60, [0], .metadataKey(offset: 96)),
    Lie(0x60, [0xFF, 0xFF], .entry(.truncated(offset: 104, wanted: 65_535, available: 45))),
    Lie(0x68, [0x43], .metadataKey(offset: 96)),
    Lie(0x68, [0xC3], .entry(.invalidUTF8(offset: 104))),
    Lie(0x68, [0x7A], .metadataOrder(key: "model.architecture", after: "zonvert.recipe")),
    Lie(0x62, [1], .metadataValue(key: "convert.recipe", expected: "a u64 of 8 bytes")),
    Lie(0x62, [3], .metadataValue(key: "convert.recipe", expected: "a bool, one byte 0 or 1")),
    Lie(
      0x62, [7], .metadataValue(key: "convert.recipe", expected: "a list of UTF-8 strings")),
    Lie(0x76, [0xFF], .metadataValue(key: "convert.recipe", expected: "UTF-8")),
    Lie(
      0x64, [0xFF, 0xFF, 0xFF, 0xFF],
      .entry(.truncated(offset: 118, wanted: 0xFFFF_FFFF, available: 31))),
    Lie(0x95, [0], .tensorName(offset: 149, length: 0)),
    Lie(0x95, [1, 2], .tensorName(offset: 149, length: 513)),
    Lie(0x97, [99], .unknownFormat(tensor: "b", id: 99)),
    Lie(0x97, [0], .unknownFormat(tensor: "b", id: 0)),
    Lie(0x97, [2], .byteCount(tensor: "b", expected: 6, actual: 12)),
    Lie(0x97, [16], .shape(tensor: "b", shape: [3], format: .q8)),
    Lie(0x99, [9], .rank(tensor: "at offset 149", rank: 9)),
    Lie(0x9D, [0], .shape(tensor: "b", shape: [0], format: .f32)),
    Lie(0x9D, [4], .byteCount(tensor: "b", expected: 16, actual: 12)),
    Lie(0xA4, [0x80], .shape(tensor: "b", shape: [1 << 63 + 3], format: .f32)),
    Lie(0xA5, [0x80], .offset(tensor: "b", expected: 0x140, actual: 0x180)),
    Lie(0xAD, [13], .byteCount(tensor: "b", expected: 12, actual: 13)),
    Lie(0xE6, [33], .shape(tensor: "w", shape: [2, 33], format: .q8)),
    Lie(0xDE, [4], .byteCount(tensor: "w", expected: 136, actual: 68)),
    Lie(0xEE, [0x40], .offset(tensor: "w", expected: 0x180, actual: 0x140)),
    Lie(0x11E, [0x62], .duplicateTensor(name: "b")),
    Lie(0x11E, [0xFF], .entry(.invalidUTF8(offset: 0x11E))),
  ]

  @Test(arguments: lies) func lieIsFound(lie: Lie) throws {
    var bytes = bytes
    bytes.replaceSubrange(lie.offset..<lie.offset + lie.replacement.count, with: lie.replacement)
    let path = try folder.write(SampleFile.signed(bytes), to: "lie.varq")
    #expect(throws: VarqError(path: path, defect: lie.defect)) { _ = try VarqFile(path) }
  }

  @Test func sectionsBeyondTheFileAreFound() throws {
    var bytes = bytes
    bytes[39] = 0x80
    let path = try folder.write(bytes, to: "lie.varq")
    let defect = VarqDefect.headerField(
      name: "the metadata's size", value: 1 << 63 + 53, limit: 356)
    #expect(throws: VarqError(path: path, defect: defect)) { _ = try VarqFile(path) }
  }

  @Test func tensorsBeyondTheFileAreFound() throws {
    var bytes = Array(bytes.dropLast(4))
    bytes[24] = 0xC0
    let path = try folder.write(SampleFile.signed(bytes), to: "short.varq")
    let defect = VarqDefect.dataEnd(expected: 452, actual: 448)
    #expect(throws: VarqError(path: path, defect: defect)) { _ = try VarqFile(path) }
  }

  @Test func bytesAfterTheLastTensorAreFound() throws {
    var bytes = bytes + [0]
    bytes[24] = 0xC5
    let path = try folder.write(SampleFile.signed(bytes), to: "long.varq")
    let defect = VarqDefect.dataEnd(expected: 452, actual: 453)
    #expect(throws: VarqError(path: path, defect: defect)) { _ = try VarqFile(path) }
  }

  /// A newer minor version, an unknown key of an unknown type and reserved bytes do no harm.
  @Test func newerMinorVersionIsRead() throws {
    var bytes = bytes
    bytes[10] = 7
    bytes[20] = 1
    bytes[63] = 1
    bytes[0x62] = 200
    let file = try VarqFile(folder.write(SampleFile.signed(bytes), to: "newer.varq"))
    #expect(file.minorVersion == 7)
    #expect(file.metadata == Metadata(["model.architecture": .string("var")]))
  }

  @Test func truncationIsFoundAtEveryLength() throws {
    for length in 0..<bytes.count {
      let path = try folder.write(Array(bytes[..<length]), to: "short.varq")
      let expected: VarqDefect =
        switch length {
        case ..<8: .notVarq
        case ..<10: .entry(.truncated(offset: 8, wanted: 2, available: length - 8))
        case ..<12: .entry(.truncated(offset: 10, wanted: 2, available: length - 10))
        case ..<96: .entry(.truncated(offset: 0, wanted: 96, available: length))
        default: .fileSize(declared: 452, actual: length)
        }
      #expect(throws: VarqError(path: path, defect: expected)) { _ = try VarqFile(path) }
    }
  }

  /// A flipped bit, or byte, is noticed: when the file is opened, or by the check of a tensor.
  @Test func flippedBitsAreFound() throws {
    for offset in bytes.indices {
      for mask: UInt8 in [1 << UInt8(offset % 8), 0xFF] {
        var bytes = bytes
        bytes[offset] ^= mask
        let path = try folder.write(bytes, to: "flipped.varq")
        guard let file = try? VarqFile(path) else { continue }
        let defects = try file.tensors.compactMap { try file.defect(of: $0) }
        #expect(!defects.isEmpty, "byte \(offset) changed by \(mask)")
      }
    }
  }

  /// The same with a right checksum: whatever the lie, nothing traps.
  @Test func flippedBitsUnderARightChecksumNeverTrap() throws {
    for offset in 0..<0x11F where !(32..<48).contains(offset) {
      for mask: UInt8 in [1 << UInt8(offset % 8), 0xFF] {
        var bytes = bytes
        bytes[offset] ^= mask
        let path = try folder.write(SampleFile.signed(bytes), to: "flipped.varq")
        guard let file = try? VarqFile(path) else { continue }
        for tensor in file.tensors { _ = try file.defect(of: tensor) }
      }
    }
  }
}
