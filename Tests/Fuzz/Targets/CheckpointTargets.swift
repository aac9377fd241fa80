import SafetensorsIO
import TensorBytes
import TestSupport

/// Checkpoints of all kinds.
enum CheckpointTargets {
  /// Opens a checkpoint, and reads its small tensors.
  static func open(_ bytes: [UInt8], named path: String = "fuzz") {
    FuzzTarget.expect(CheckpointError.self) {
      let checkpoint = try Checkpoint.open(MappedFile(bytes, named: path))
      for leaf in checkpoint.leaves { _ = "\(leaf)".printable() }
      for tensor in checkpoint.tensors.prefix(64) where tensor.byteCount <= 1 << 14 {
        _ = try checkpoint.digest(of: tensor)
        if tensor.isRead, tensor.type.isFloatingPoint { _ = try checkpoint.floats(of: tensor) }
      }
    }
  }

  static func safetensors(_ bytes: [UInt8]) {
    guard bytes.count >= 2 else { return open(bytes) }
    let header = bytes.dropLast(2)
    let size = Int(bytes[bytes.count - 2]) | Int(bytes[bytes.count - 1] & 0x0F) << 8
    open(
      little(UInt64(header.count), 8) + header + [UInt8](repeating: 0x3C, count: size))
  }

  /// The shards of the fixture are beside it.
  static func index(_ bytes: [UInt8]) {
    open(bytes, named: Repository.fixture("readers/fuzz.json"))
  }

  static func pickle(_ bytes: [UInt8]) {
    open(archive([("a/data.pkl", bytes), ("a/data/0", [UInt8](repeating: 0x3C, count: 64))]))
  }

  /// A zip archive of stored entries, without checksums.
  private static func archive(_ entries: [(name: String, body: [UInt8])]) -> [UInt8] {
    var bytes: [UInt8] = []
    var directory: [UInt8] = []
    for (name, body) in entries {
      let sizes = little(0, 4) + little(UInt64(body.count), 4) + little(UInt64(body.count), 4)
      let common = [UInt8](repeating: 0, count: 8) + sizes + little(UInt64(name.utf8.count), 2)
      directory += little(0x0201_4B50, 4) + [0, 0] + little(0, 2) + common
      directory += [UInt8](repeating: 0, count: 12) + little(UInt64(bytes.count), 4) + name.utf8
      bytes += little(0x0403_4B50, 4) + little(0, 2) + common + little(0, 2) + name.utf8 + body
    }
    let end = little(UInt64(entries.count), 2) + little(UInt64(entries.count), 2)
    return bytes + directory + little(0x0605_4B50, 4) + little(0, 4) + end
      + little(UInt64(directory.count), 4) + little(UInt64(bytes.count), 4) + little(0, 2)
  }

  private static func little(_ value: UInt64, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }
}
