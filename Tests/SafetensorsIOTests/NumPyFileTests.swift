import Foundation
import SafetensorsIO
import TensorBytes
import TestSupport
import Testing

@Suite struct NumPyFileTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func open(_ bytes: [UInt8]) throws -> NumPyFile {
    try folder.write(bytes, to: "a.npz")
    return try NumPyFile(folder.file("a.npz"))
  }

  @Test func arraysAreRead() throws {
    let floats = [Float(1.5), -2].flatMap { value in
      (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * UInt32($0))) }
    }
    let file = try open(
      NumPyFixture.archive([
        ("mu.npy", NumPyFixture.array(floats, descr: "<f4", shape: "(2,)")),
        ("arr_0.npy", NumPyFixture.array(Array(0..<12), shape: "(1, 2, 2, 3)")),
        ("scalar.npy", NumPyFixture.array([7], shape: "()")), ("notes.txt", [1, 2]),
      ]))
    #expect(file.arrays.map(\.name) == ["arr_0", "mu", "scalar"])
    #expect(try file.doubles(file.array("mu")) == [1.5, -2])
    let array = try file.array("arr_0")
    #expect(array.type == .u8 && array.shape == [1, 2, 2, 3])
    var bytes: [UInt8] = []
    try unsafe file.forEachPiece(of: array, unit: 12) {
      unsafe bytes += $0
      return true
    }
    #expect(bytes == Array(0..<12))
    #expect(throws: NumPyError.self) { _ = try file.array("sigma") }
    #expect(throws: NumPyError.self) { _ = try file.doubles(array) }
  }

  @Test func aFileOfOneArrayIsRead() throws {
    try folder.write(NumPyFixture.array([1, 2], shape: "(2,)"), to: "b.npy")
    #expect(try NumPyFile(folder.file("b.npy")).array("arr_0").shape == [2])
  }

  /// Every kind of nonsense has a message, and none takes memory or time.
  @Test(arguments: [
    "(1000000000000, 4)", "(-1,)", "(3", "3", "(9223372036854775807, 9223372036854775807)", "(a,)",
    "(1,1,1,1,1,1,1,1,1)", "",
  ])
  func badShapesAreRefused(shape: String) throws {
    #expect(throws: NumPyError.self) {
      _ = try open(
        NumPyFixture.archive([("arr_0.npy", NumPyFixture.array([1, 2, 3], shape: shape))]))
    }
  }

  @Test func otherTypesAndOrdersAreNamed() throws {
    for (descr, order) in [(">f4", "False"), ("|O", "False"), ("<c8", "False"), ("|u1", "True")] {
      #expect(throws: NumPyError.self) {
        _ = try open(
          NumPyFixture.archive([
            (
              "a.npy",
              NumPyFixture.array([1, 2, 3, 4], descr: descr, order: order, shape: "(2, 2)")
            )
          ]))
      }
    }
    for bytes in [[], [1], Array("PK".utf8), Array("PK\u{3}\u{4}".utf8), [0x93], Array("not".utf8)]
    {
      #expect(throws: (any Error).self) { _ = try open(bytes) }
    }
  }

  /// Cut and turned bytes never trap.
  @Test func mutatedFilesNeverTrap() throws {
    let sound = try NumPyFixture.archive(Array(0..<24), shape: [2, 2, 2, 3])
    var random = SplitMix64(state: 3)
    for _ in 0..<3000 {
      var bytes = sound
      for _ in 0..<random.below(4) + 1 {
        bytes[random.below(bytes.count)] = UInt8(random.below(256))
      }
      if random.below(4) == 0 { bytes.removeLast(random.below(bytes.count)) }
      guard let file = try? open(bytes) else { continue }
      for array in file.arrays {
        try? unsafe file.forEachPiece(of: array, unit: 3) { _ in true }
      }
    }
  }
}
