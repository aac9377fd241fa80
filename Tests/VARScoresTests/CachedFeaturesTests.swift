import Foundation
import TensorBytes
import TestSupport
import Testing
import VARScores

/// Features are kept by block, and taken again only for the same pixels and network.
@Suite struct CachedFeaturesTests {
  /// Counts what it looks at; the feature is the mean of a picture.
  private final class Means: PictureNetwork {
    let sizes = (features: 1, spatial: 0, logits: 2)
    let batch = 7
    var looked = 0

    func look(at pictures: [UInt8], side: Int) throws -> NetworkOutputs {
      let size = 3 * side * side
      let count = pictures.count / size
      looked += count
      let means = (0..<count).map { picture in
        pictures[picture * size..<(picture + 1) * size].reduce(0) { $0 + Float($1) } / Float(size)
      }
      return NetworkOutputs(features: means, logits: means.flatMap { [$0, -$0] })
    }
  }

  private func write(_ folder: TemporaryFolder, _ pixels: [UInt8]) throws {
    let archive = try NumPyFixture.archive(pixels, shape: [pixels.count / 12, 2, 2, 3])
    try folder.write(archive, to: "set.npz")
  }

  @Test func whatIsKnownIsNotLookedAtAgain() throws {
    let folder = try TemporaryFolder()
    var pixels = (0..<2500 * 12).map { UInt8(truncatingIfNeeded: $0 / 12 * 7) }
    try write(folder, pixels)
    func look(_ network: Means, _ checksum: UInt8 = 1) throws -> SetFeatures {
      let set = try #require(try PictureSet(folder.file("set.npz")))
      return try SetFeatures(
        set, network, [UInt8](repeating: checksum, count: 32), cache: folder.file("set.features"))
    }
    let first = Means()
    let features = try look(first)
    #expect(first.looked == 2500)
    #expect(features.features.count == 2500 && features.features[3].first == Float(21))
    let second = Means()
    #expect(try look(second).features[2499] == features.features[2499])
    #expect(second.looked == 0)
    // Another network, another picture, and a file that was damaged.
    let other = Means()
    _ = try look(other, 2)
    #expect(other.looked == 2500)
    pixels[12 * 1500] ^= 1
    try write(folder, pixels)
    let third = Means()
    _ = try look(third)
    #expect(third.looked == 1000)
    let kept = folder.file("set.features/010101010101-2.safetensors")
    var bytes = try Data(contentsOf: URL(filePath: kept))
    bytes[bytes.count - 40] ^= 1
    try bytes.write(to: URL(filePath: kept))
    let fourth = Means()
    _ = try look(fourth)
    #expect(fourth.looked == 500)
  }
}
