import Foundation
internal import SafetensorsIO
internal import TensorBytes

/// What a network says of all pictures of a set.
package struct SetFeatures: Sendable {
  /// For Fréchet distance, precision and recall.
  package var features: Features
  /// For sFID; nil where the network has none.
  package var spatial: Features?
  /// For the Inception Score.
  package var logits: Features

  /// Takes features that are known.
  package init(features: Features, spatial: Features? = nil, logits: Features) {
    self.features = features
    self.spatial = spatial
    self.logits = logits
  }

  /// Pictures of a block, whose features are kept together.
  package static let block = 1000

  /// Looks at all pictures, or takes what an earlier run has kept.
  ///
  /// A block of pictures is known by the SHA-256 of its pixels and of the network: features are kept in
  /// files of their own, so that a run that was killed goes on where it was.
  /// - Parameters:
  ///   - cache: the folder of these files; nil for none.
  ///   - progress: is told how many pictures are done.
  /// - Throws: ``ScoreError/notFinite(path:)``, errors of the set and of the network.
  package init(
    _ set: PictureSet, _ network: any PictureNetwork, _ checksum: [UInt8], cache: String?,
    progress: (Int) -> Void = { _ in }
  ) throws {
    features = Features(size: network.sizes.features)
    spatial = network.sizes.spatial > 0 ? Features(size: network.sizes.spatial) : nil
    logits = Features(size: network.sizes.logits)
    var number = 0
    var done = 0
    var all = self
    try set.forEachBlock(of: Self.block) { pixels in
      let pixelsDigest = try SHA256Digest.digest(of: pixels)
      let kept = FeatureBlock(
        folder: cache, number: number, network: checksum, pixels: pixelsDigest,
        sizes: network.sizes, count: pixels.count / (3 * set.side * set.side))
      let outputs: NetworkOutputs
      if let known = try kept.read() {
        outputs = known
      } else {
        var fresh = NetworkOutputs()
        let step = network.batch * 3 * set.side * set.side
        for start in stride(from: 0, to: pixels.count, by: step) {
          let part = try network.look(
            at: Array(pixels[start..<min(start + step, pixels.count)]), side: set.side)
          fresh.features += part.features
          fresh.spatial += part.spatial
          fresh.logits += part.logits
          progress(done + min(start + step, pixels.count) / (3 * set.side * set.side))
        }
        guard fresh.features.allSatisfy(\.isFinite), fresh.logits.allSatisfy(\.isFinite) else {
          throw ScoreError.notFinite(path: set.path)
        }
        try kept.write(fresh)
        outputs = fresh
      }
      all.features.append(outputs.features)
      all.spatial?.append(outputs.spatial)
      all.logits.append(outputs.logits)
      number += 1
      done += kept.count
      progress(done)
    }
    self = all
  }

  /// Some pictures' alone.
  package func rows(_ rows: [Int]) -> SetFeatures {
    SetFeatures(
      features: features.rows(rows), spatial: spatial?.rows(rows), logits: logits.rows(rows))
  }
}

/// The features of a block of pictures, in a safetensors file.
private struct FeatureBlock {
  let folder: String?
  let number: Int
  let network: [UInt8]
  let pixels: [UInt8]
  let sizes: (features: Int, spatial: Int, logits: Int)
  let count: Int

  private var name: String { "\(SHA256Digest.hex(network).prefix(12))-\(number).safetensors" }

  private var metadata: [String: String] {
    [
      "format": "pt", "scores.network": SHA256Digest.hex(network),
      "scores.pixels": SHA256Digest.hex(pixels),
    ]
  }

  private var entries: [SafetensorsEntry] {
    [
      SafetensorsEntry(name: "features", type: .f32, shape: [count, sizes.features]),
      SafetensorsEntry(name: "spatial", type: .f32, shape: [count, sizes.spatial]),
      SafetensorsEntry(name: "logits", type: .f32, shape: [count, sizes.logits]),
      SafetensorsEntry(name: "sha256", type: .u8, shape: [32]),
    ]
  }

  /// What is kept of this block by this network; nil if that is something else, or damaged.
  func read() throws -> NetworkOutputs? {
    guard let folder, FileManager.default.fileExists(atPath: folder + "/" + name),
      let checkpoint = try? Checkpoint.open(folder + "/" + name)
    else { return nil }
    let there = Dictionary(
      checkpoint.leaves.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first })
    for (key, value) in metadata where key != "format" {
      guard case .string(value)? = there[key] else { return nil }
    }
    for entry in entries {
      guard let tensor = checkpoint.tensor(named: entry.name), tensor.shape == entry.shape,
        tensor.type == entry.type
      else { return nil }
    }
    func floats(_ name: String) throws -> [Float] {
      try checkpoint.tensor(named: name).map { try checkpoint.floats(of: $0) } ?? []
    }
    let outputs = NetworkOutputs(
      features: try floats("features"), spatial: try floats("spatial"),
      logits: try floats("logits"))
    var expected: [UInt8] = []
    guard let digest = checkpoint.tensor(named: "sha256") else { return nil }
    try unsafe checkpoint.forEachPiece(of: digest) { unsafe expected += $0 }
    return try Self.digest(outputs) == expected ? outputs : nil
  }

  func write(_ outputs: NetworkOutputs) throws {
    guard let folder else { return }
    // What is there is this program's own, and no longer right.
    let file = try Outputs(reading: [], replacing: .always).file(name, in: folder)
    let writer = try SafetensorsWriter(file, metadata: metadata, entries: entries)
    for values in [outputs.features, outputs.spatial, outputs.logits] {
      try unsafe values.withUnsafeBytes { try unsafe writer.append($0) }
    }
    try unsafe Self.digest(outputs).withUnsafeBytes { try unsafe writer.append($0) }
    try writer.finish()
  }

  private static func digest(_ outputs: NetworkOutputs) throws -> [UInt8] {
    let digest = try SHA256Digest()
    for values in [outputs.features, outputs.spatial, outputs.logits] {
      try unsafe values.withUnsafeBytes { try unsafe digest.update($0) }
    }
    return try digest.finalize()
  }
}
