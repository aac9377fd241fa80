import Foundation
import SafetensorsIO
import TestSupport
import Testing

/// Damaged files throw a typed error or open; nothing traps, hangs or takes much memory.
///
/// A trap ends the process before the folder is removed: the file that did it is the newest one there.
@Suite(.serialized) struct ReaderFuzzTests {
  private static let small = [
    "deflated.pt", "views.pt", "zip64.pt", "unsigned.pt", "views-legacy.pt", "module-legacy.pt",
    "dtypes.safetensors", "array.pkl", "hostile-legacy.pt",
  ]
  private static let larger = [
    "containers.pt", "containers-legacy.pt", "protocol5.pt", "dtypes-legacy.pt", "dtypes.pt",
    "sharded.safetensors.index.json",
  ]
  /// How long random damage goes on: `VAR_FUZZ_SECONDS`, or a second.
  private static let seconds =
    ProcessInfo.processInfo.environment["VAR_FUZZ_SECONDS"].flatMap(Double.init) ?? 1
  /// Seeds that each file gets at least, however slow the machine.
  private static let minimumSeeds = 50

  /// Opens a file and reads its small tensors.
  private func exercise(_ bytes: [UInt8], _ folder: TemporaryFolder, _ what: String) throws {
    // A name of its own: file systems sync files that are overwritten, which takes milliseconds.
    let path = try folder.write(bytes, to: UUID().uuidString)
    defer { try? FileManager.default.removeItem(atPath: path) }
    do {
      let checkpoint = try Checkpoint.open(path)
      for tensor in checkpoint.tensors where tensor.byteCount <= 1 << 16 {
        _ = try checkpoint.digest(of: tensor)
      }
    } catch let error as CheckpointError {
      #expect(!error.description.isEmpty)
    } catch {
      Issue.record("\(what): \(error) is no CheckpointError")
    }
  }

  @Test(arguments: small)
  func everyTruncation(_ name: String) throws {
    let folder = try TemporaryFolder(inMemory: true)
    let original = try bytes(ofFile: Repository.fixture("readers/" + name))
    for length in original.indices {
      try exercise(Array(original[..<length]), folder, "\(name) cut to \(length)")
    }
  }

  @Test(arguments: small)
  func everyDamagedByte(_ name: String) throws {
    let folder = try TemporaryFolder(inMemory: true)
    let original = try bytes(ofFile: Repository.fixture("readers/" + name))
    for offset in original.indices {
      let change: UInt8 = offset % 3 == 0 ? 0xFF : 1 << UInt8(offset % 8)
      var mutant = original
      mutant[offset] ^= change
      try exercise(mutant, folder, "\(name) byte \(offset) ^ \(change)")
    }
  }

  @Test(arguments: small + larger)
  func randomDamage(_ name: String) throws {
    let folder = try TemporaryFolder(inMemory: true)
    let original = try bytes(ofFile: Repository.fixture("readers/" + name))
    let share = Duration.seconds(Self.seconds / Double((Self.small + Self.larger).count))
    let end = ContinuousClock.now + share
    var seed = 0
    while seed < Self.minimumSeeds || ContinuousClock.now < end {
      var generator = SplitMix(state: UInt64(seed))
      try exercise(generator.mutate(original), folder, "\(name) seed \(seed)")
      seed += 1
    }
  }
}

/// A small generator with a seed (Steele, Lea and Flood 2014), so that a failure can be repeated.
private struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// One to eight edits: bytes, extreme numbers, copied, removed and inserted stretches.
  mutating func mutate(_ original: [UInt8]) -> [UInt8] {
    var bytes = original
    for _ in 0...Int.random(in: 0..<8, using: &self) where bytes.count > 16 {
      let at = Int.random(in: 0..<bytes.count - 8, using: &self)
      let length = Int.random(in: 1...8, using: &self)
      switch Int.random(in: 0..<6, using: &self) {
      case 0: bytes[at] = UInt8.random(in: 0...255, using: &self)
      case 1: bytes.replaceSubrange(at..<at + length, with: repeatElement(0xFF, count: length))
      case 2: bytes.replaceSubrange(at..<at + length, with: repeatElement(0, count: length))
      case 3: bytes.removeSubrange(at..<at + length)
      case 4: bytes.insert(contentsOf: bytes[at..<at + length], at: at)
      default:
        let from = Int.random(in: 0..<bytes.count - 8, using: &self)
        bytes.replaceSubrange(at..<at + length, with: bytes[from..<from + length])
      }
    }
    return bytes
  }
}
