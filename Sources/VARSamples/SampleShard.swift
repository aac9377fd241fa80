import Foundation
internal import SafetensorsIO
internal import TensorBytes

/// A shard of a sample set that is whole: a safetensors file of `pixels` U8 [n, S, S, 3], `classes` I64
/// [n] and `sha256` U8 [32], the digest of the pixels; plan, model and place stand in its metadata.
///
/// Opening reads the header alone.
package struct SampleShard: Sendable {
  /// Which shard.
  package let shard: Int
  /// Its pictures.
  package let range: Range<Int>
  /// The file.
  package let path: String
  private let checkpoint: Checkpoint
  private let pixels: CheckpointTensor
  private let digest: CheckpointTensor

  static let pixelsName = "pixels"
  static let classesName = "classes"
  static let digestName = "sha256"

  /// The strings of a shard's header.
  static func metadata(_ plan: SamplePlan, _ shard: Int) throws -> [String: String] {
    [
      "format": "pt", "samples.plan": try PlanText.digest(of: plan), "samples.model": plan.model,
      "samples.shard": "\(shard)", "samples.shards": "\(plan.shards)",
      "samples.first": "\(plan.range(of: shard).lowerBound)",
    ]
  }

  /// The tensors of a shard's file.
  static func entries(_ plan: SamplePlan, _ shard: Int) -> [SafetensorsEntry] {
    let count = plan.range(of: shard).count
    return [
      SafetensorsEntry(name: classesName, type: .i64, shape: [count]),
      SafetensorsEntry(
        name: pixelsName, type: .u8, shape: [count, plan.imageSide, plan.imageSide, 3]),
      SafetensorsEntry(name: digestName, type: .u8, shape: [32]),
    ]
  }

  /// Opens the file of a shard.
  /// - Throws: ``SampleSetError/strange(path:reason:)`` if it is none of this plan.
  package init(_ path: String, _ shard: Int, of plan: SamplePlan) throws {
    self.path = path
    self.shard = shard
    range = plan.range(of: shard)
    func strange(_ reason: String) -> SampleSetError { .strange(path: path, reason: reason) }
    do {
      checkpoint = try Checkpoint.open(path)
    } catch {
      throw strange("it can't be read (\(error))")
    }
    let there = Dictionary(
      checkpoint.leaves.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first })
    func text(_ key: String) -> String? {
      if case .string(let text)? = there[key] { text } else { nil }
    }
    for (key, value) in try Self.metadata(plan, shard).sorted(by: { $0.key < $1.key })
    where key != "format" {
      let found = text(key) ?? "missing"
      guard found == value else {
        let what =
          key == "samples.model"
          ? "another model drew it"
          : key == "samples.plan" ? "another plan is its" : "\(key) is \(found)"
        throw strange(what)
      }
    }
    for entry in Self.entries(plan, shard) {
      guard let tensor = checkpoint.tensor(named: entry.name), tensor.type == entry.type,
        tensor.shape == entry.shape
      else { throw strange("its \(entry.name) are not those of the plan") }
    }
    guard let pixels = checkpoint.tensor(named: Self.pixelsName),
      let digest = checkpoint.tensor(named: Self.digestName)
    else { throw strange("it has no pixels") }
    self.pixels = pixels
    self.digest = digest
  }

  /// Reads the pixels once, front to back, and compares them with their digest at the end.
  /// - Throws: ``SampleSetError/damaged(path:)`` after the last piece, errors of the file, what `body`
  ///   throws.
  package func forEachPiece(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    let hash = try SHA256Digest()
    try unsafe checkpoint.forEachPiece(of: pixels) { piece in
      try unsafe hash.update(piece)
      try unsafe body(piece)
    }
    var expected: [UInt8] = []
    try unsafe checkpoint.forEachPiece(of: digest) { unsafe expected += $0 }
    guard try hash.finalize() == expected else { throw SampleSetError.damaged(path: path) }
  }
}
