import TensorBytes
import TestSupport
import Testing
import VARQuant

/// Content that breaks the format, under checksums that are right.
@Suite struct ContentDefectTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// Writes one tensor of raw bytes and checks it.
  private func defect(_ format: TensorFormat, _ shape: [Int], _ bytes: [UInt8]) throws
    -> ContentDefect?
  {
    let path = folder.file("raw.varq")
    let writer = try VarqWriter(
      output(path), metadata: Metadata(),
      tensors: [TensorPlan(name: "w", format: format, shape: shape)])
    try unsafe bytes.withUnsafeBytes { try unsafe writer.append($0) }
    try writer.finish()
    let file = try VarqFile(path)
    return try file.defect(of: file.tensors[0])
  }

  @Test func valuesMustBeFinite() throws {
    #expect(
      try defect(.f32, [2], [0, 0, 0, 0, 0, 0, 0xC0, 0x7F]) == .notFinite(tensor: "w", index: 1))
    #expect(try defect(.f16, [2], [0, 0x7C, 0, 0]) == .notFinite(tensor: "w", index: 0))
    #expect(try defect(.bf16, [2], [0, 0, 0x80, 0xFF]) == .notFinite(tensor: "w", index: 1))
  }

  @Test func blocksObeyTheirRules() throws {
    let sound = [UInt8](repeating: 1, count: 32) + [UInt8](repeating: 0, count: 32) + [0, 0x3C]
    func changed(_ changes: [Int: UInt8]) throws -> ContentDefect? {
      var bytes = sound
      for (index, byte) in changes { bytes[index] = byte }
      return try defect(.q8, [1, 32], bytes)
    }
    #expect(try changed([:]) == nil)
    #expect(try changed([64: 1, 65: 0]) == nil, "a subnormal scale is legal")
    #expect(try changed([7: 0x80]) == .quant(tensor: "w", index: 7, quant: -128))
    #expect(try changed([65: 0]) == .quant(tensor: "w", index: 0, quant: 1))
    #expect(try changed([65: 0x7C]) == .scale(tensor: "w", block: 0, bits: 0x7C00))
    #expect(try changed([65: 0x80]) == .scale(tensor: "w", block: 0, bits: 0x8000))
    #expect(try changed([65: 0xBC]) == .scale(tensor: "w", block: 0, bits: 0xBC00))
    let file = try VarqFile(folder.file("raw.varq"))
    #expect(try changed([40: 1]) == .padding(offset: file.tensors[0].bytes.lowerBound + 40))
  }

  @Test func paddingBetweenTensorsMustBeZero() throws {
    var bytes = try SampleFile.bytes(SampleFile.write(folder))
    bytes[0x150] = 1
    let file = try VarqFile(folder.write(bytes, to: "padding.varq"))
    #expect(try file.defect(of: file.tensors[0]) == nil)
    #expect(try file.defect(of: file.tensors[1]) == .padding(offset: 0x150))
  }

  @Test func changedBytesAreFound() throws {
    var bytes = try SampleFile.bytes(SampleFile.write(folder))
    bytes[0x140] ^= 1
    let file = try VarqFile(folder.write(bytes, to: "changed.varq"))
    let expected = SHA256Digest.hex(file.tensors[0].checksum)
    let actual = SHA256Digest.hex(try SHA256Digest.digest(of: Array(bytes[0x140..<0x14C])))
    #expect(
      try file.defect(of: file.tensors[0])
        == .checksum(tensor: "b", expected: expected, actual: actual))
  }
}
