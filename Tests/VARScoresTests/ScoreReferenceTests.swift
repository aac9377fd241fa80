import SafetensorsIO
import TensorBytes
import TestSupport
import Testing
import VARScores

/// What a set may be held to, and what not.
@Suite struct ScoreReferenceTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func open(_ members: [(name: String, shape: [Int])]) throws -> ScoreReference {
    let path = folder.file("reference.npz")
    let archive = try NumPyArchive(Outputs(reading: [], replacing: .always).file(path))
    for (name, shape) in members {
      try archive.begin(name, .u8, shape: shape)
      let bytes = [UInt8](repeating: 7, count: shape.reduce(1, *))
      try unsafe bytes.withUnsafeBytes { try unsafe archive.append($0) }
    }
    try archive.finish()
    return try ScoreReference(path, sizes: (features: 4, spatial: 0, logits: 2))
  }

  /// A covariance needs two pictures: with fewer there is a message and no trap.
  @Test(arguments: [0, 1])
  func tooFewPicturesAreRefused(count: Int) throws {
    let error = #expect(throws: ScoreError.self) { try open([("arr_0", [count, 2, 2, 3])]) }
    #expect(error == .tooFew(path: folder.file("reference.npz"), count: count))
    let two = try open([("arr_0", [2, 2, 2, 3])])
    #expect(two.files == [two.path])
  }

  @Test func whatHoldsNeitherPicturesNorStatisticsIsRefused() throws {
    #expect(throws: (any Error).self) { try open([("mu_s", [4])]) }
    #expect(throws: ScoreError.self) { try open([("mu", [3]), ("sigma", [3, 3])]) }
  }
}
