import TensorBytes
import Testing

@Suite struct ByteReaderTests {
  @Test func readsLittleEndian() throws {
    var reader = ByteReader([1, 2, 0, 3, 0, 0, 0, 0xFF, 0x68, 0x69, 10, 7])
    #expect(try reader.read(UInt8.self) == 1)
    #expect(try reader.read(UInt16.self) == 2)
    #expect(try reader.read(UInt32.self) == 3)
    #expect(try reader.read(Int8.self) == -1)
    #expect(try reader.readUTF8(2) == "hi")
    #expect(try reader.readBytes(until: 10) == [])
    #expect(reader.remaining == 1)
    try reader.seek(to: 0)
    try reader.skip(11)
    #expect(try reader.read(UInt8.self) == 7)
  }

  @Test func refusesWhatIsNotThere() {
    #expect(throws: ByteReaderError.truncated(offset: 1, wanted: 8, available: 2)) {
      var reader = ByteReader([1, 2, 3])
      try reader.skip(1)
      _ = try reader.read(UInt64.self)
    }
    #expect(throws: ByteReaderError.truncated(offset: 0, wanted: .max, available: 1)) {
      var reader = ByteReader([1])
      try reader.skip(.max)
    }
    #expect(throws: ByteReaderError.truncated(offset: 0, wanted: -1, available: 1)) {
      var reader = ByteReader([1])
      _ = try reader.readBytes(-1)
    }
    #expect(throws: ByteReaderError.invalidUTF8(offset: 0)) {
      var reader = ByteReader([0xFF])
      _ = try reader.readUTF8(1)
    }
    #expect(throws: ByteReaderError.sizeTooLarge(offset: 0, value: .max)) {
      var reader = ByteReader([UInt8](repeating: 0xFF, count: 8))
      _ = try reader.readSize()
    }
    #expect(throws: ByteReaderError.truncated(offset: .min, wanted: 1, available: 0)) {
      var reader = ByteReader([1])
      try reader.seek(to: .min)
    }
    #expect(throws: ByteReaderError.truncated(offset: 0, wanted: 2, available: 1)) {
      var reader = ByteReader([1])
      _ = try reader.readBytes(until: 0)
    }
  }

  @Test func checkedArithmetic() throws {
    #expect(try Checked.product(of: []) == 1)
    #expect(try Checked.product(of: [2, 3, 4]) == 24)
    #expect(try Checked.product(of: [0, 5]) == 0)
    #expect(try Checked.byteCount(of: [3, 5], .bf16) == 30)
    #expect(try Checked.align(65, to: 64) == 128)
    #expect(throws: ArithmeticError("shape [4294967296, 0, 4294967296]")) {
      try Checked.product(of: [1 << 32, 0, 1 << 32])
    }
    #expect(throws: ArithmeticError("shape [-1]")) { try Checked.product(of: [-1]) }
    #expect(throws: ArithmeticError("shape [4611686018427387904] of F32")) {
      try Checked.byteCount(of: [1 << 62], .f32)
    }
    #expect(throws: ArithmeticError("9223372036854775807 + 63")) { try Checked.align(.max, to: 64) }
  }
}
