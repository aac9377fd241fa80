import TensorBytes
import VARModel
import VARQuant

/// `.varq` files.
enum VarqTarget {
  static func run(_ bytes: [UInt8]) {
    FuzzTarget.expect(VarqError.self) {
      let file = try VarqFile(MappedFile(sealed(bytes), named: "fuzz.varq"))
      for tensor in file.tensors.prefix(16) where tensor.bytes.count <= 1 << 16 {
        _ = try file.defect(of: tensor)
        _ = try tensor.floats()
      }
      // A model's file, if it is one; what else it may be is told by errors of several kinds.
      _ = try? ModelFile(file)
    }
  }

  private static let table = 96

  /// The same file with its size and its checksums made right, as far as it has places for them.
  private static func sealed(_ original: [UInt8]) throws -> [UInt8] {
    var bytes = original
    guard bytes.count >= table else { return bytes }
    set(&bytes, 24, UInt64(bytes.count))
    let (metadata, size) = (number(bytes, 32, 8), number(bytes, 40, 8))
    guard metadata <= bytes.count - table, size <= bytes.count - table - metadata else {
      return bytes
    }
    let end = table + metadata + size
    var entry = table + metadata
    while entry + 8 <= end {
      let rank = number(bytes, entry + 4, 4)
      guard rank <= 8, entry + 8 + 8 * rank + 48 <= end else { break }
      let place = entry + 8 + 8 * rank
      let (offset, count) = (number(bytes, place, 8), number(bytes, place + 8, 8))
      if offset <= bytes.count, count <= bytes.count - offset {
        let digest = try SHA256Digest.digest(of: Array(bytes[offset..<offset + count]))
        bytes.replaceSubrange(place + 16..<place + 48, with: digest)
      }
      entry = place + 48 + number(bytes, entry, 2)
    }
    let digest = try SHA256Digest.digest(of: Array(bytes[..<64]) + Array(bytes[table..<end]))
    bytes.replaceSubrange(64..<table, with: digest)
    return bytes
  }

  private static func number(_ bytes: [UInt8], _ offset: Int, _ count: Int) -> Int {
    let value = (0..<count).reduce(UInt64(0)) { $0 | UInt64(bytes[offset + $1]) << (8 * $1) }
    return Int(clamping: value)
  }

  private static func set(_ bytes: inout [UInt8], _ offset: Int, _ value: UInt64) {
    for byte in 0..<8 { bytes[offset + byte] = UInt8(truncatingIfNeeded: value >> (8 * byte)) }
  }
}
