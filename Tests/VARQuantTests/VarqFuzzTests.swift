import Foundation
import TestSupport
import Testing
import VARQuant

/// Files mutated at random, under a checksum that is right: the reader refuses or reads, never traps.
@Suite struct VarqFuzzTests {
  /// How long to go on: `VAR_FUZZ_SECONDS`, or a second.
  private static let seconds =
    ProcessInfo.processInfo.environment["VAR_FUZZ_SECONDS"].flatMap(Double.init) ?? 1

  /// A generator of its own, so that a seed that was printed repeats a failure.
  private struct Generator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      // SplitMix64.
      state &+= 0x9E37_79B9_7F4A_7C15
      var z = state
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      return z ^ (z >> 31)
    }
  }

  @Test func mutatedFilesNeverTrap() throws {
    let folder = try TemporaryFolder()
    let sample = try SampleFile.bytes(SampleFile.write(folder))
    let seed = UInt64.random(in: 0 ... .max)
    print("fuzzing .varq for \(Self.seconds) s from seed \(seed)")
    var generator = Generator(state: seed)
    let end = ContinuousClock.now + .seconds(Self.seconds)
    var opened = 0
    var refused = 0
    while ContinuousClock.now < end {
      let bytes = try Self.mutate(sample, &generator)
      let path = try folder.write(bytes, to: "mutated.varq")
      do {
        let file = try VarqFile(path)
        opened += 1
        for tensor in file.tensors {
          _ = try file.defect(of: tensor)
          #expect(try tensor.floats().count == tensor.count)
        }
      } catch is VarqError {
        refused += 1
      }
    }
    print("\(opened) files were read, \(refused) refused")
    #expect(opened + refused > 0)
  }

  /// Some bytes replaced by others, by extremes or by bytes from elsewhere; sometimes cut or grown.
  private static func mutate(_ sample: [UInt8], _ generator: inout Generator) throws -> [UInt8] {
    var bytes = sample
    for _ in 0..<Int.random(in: 1...4, using: &generator) {
      let index = Int.random(in: 8..<bytes.count, using: &generator)
      switch Int.random(in: 0..<6, using: &generator) {
      case 0: bytes[index] = [0, 1, 0x7F, 0x80, 0xFF].randomElement(using: &generator) ?? 0
      case 1: bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
      case 2: bytes[index] = bytes[Int.random(in: 0..<bytes.count, using: &generator)]
      case 3: bytes.removeLast(Int.random(in: 0..<16, using: &generator))
      case 4: bytes += [UInt8](repeating: 0, count: Int.random(in: 0..<16, using: &generator))
      default: bytes[index] = UInt8.random(in: 0 ... .max, using: &generator)
      }
    }
    // The size in the header is made right as often as not, the sections' if they reach too far.
    if Bool.random(using: &generator) {
      for byte in 0..<8 { bytes[24 + byte] = UInt8(truncatingIfNeeded: bytes.count >> (8 * byte)) }
    }
    for offset in 32..<48 where offset % 8 > 1 { bytes[offset] = 0 }
    let end = 96 + [32, 40].reduce(0) { $0 + Int(bytes[$1]) + Int(bytes[$1 + 1]) << 8 }
    return end <= bytes.count ? try SampleFile.signed(bytes) : bytes
  }
}
