import Foundation
import SafetensorsIO
import TensorBytes

/// What PyTorch computed, as `tools/dump_reference.py` wrote it.
package struct ReferenceDump: Sendable {
  /// The arguments of the run.
  package struct Arguments: Equatable, Sendable, Decodable {
    /// Class of each picture; the number of classes stands for the unconditional one.
    package let labels: [Int]
    /// Seed of the one generator of the batch.
    package let seed: UInt64
    /// Strength of guidance.
    package let cfg: Double
    /// Top-k, 0 = off.
    package let topK: Int
    /// Top-p, 0 = off.
    package let topP: Double
    /// Whether embeddings were mixed by a Gumbel softmax.
    package let moreSmooth: Bool

    private enum CodingKeys: String, CodingKey {
      case labels
      case seed
      case cfg
      case topK = "top_k"
      case topP = "top_p"
      case moreSmooth = "more_smooth"
    }
  }

  /// Where it came from.
  package let path: String
  /// The arguments.
  package let arguments: Arguments
  /// Side of each scale's token map.
  package let patchNumbers: [Int]
  /// The first exponential draws of a generator with the seed, if recorded.
  package let firstDraws: [Float]
  /// Versions and other facts, by name.
  package let metadata: [String: String]
  private let checkpoint: Checkpoint

  /// Opens a dump.
  /// - Throws: `CheckpointError`, ``ParityError/notReference(path:lacks:)``.
  package init(_ path: String) throws {
    self.path = path
    checkpoint = try Checkpoint.open(path)
    var metadata: [String: String] = [:]
    for leaf in checkpoint.leaves {
      if case .string(let text) = leaf.value { metadata[leaf.name] = text }
    }
    self.metadata = metadata
    guard metadata["kind"] == "var-reference-v1" else {
      throw ParityError.notReference(path: path, lacks: "the metadata kind = var-reference-v1")
    }
    arguments = try Self.decode(metadata, "arguments", path)
    patchNumbers = try Self.decode(metadata, "patch_nums", path)
    firstDraws =
      metadata["first_draws"] == nil ? [] : try Self.decode(metadata, "first_draws", path)
    guard !arguments.labels.isEmpty, !patchNumbers.isEmpty else {
      throw ParityError.notReference(path: path, lacks: "labels and patch_nums")
    }
  }

  private static func decode<T: Decodable>(
    _ metadata: [String: String], _ key: String, _ path: String
  ) throws -> T {
    guard let text = metadata[key],
      let value = try? JSONDecoder().decode(T.self, from: Data(text.utf8))
    else { throw ParityError.notReference(path: path, lacks: "the metadata \(key) as JSON") }
    return value
  }

  /// The values of a tensor as f32, nil where it wasn't recorded.
  func floats(_ name: String) throws -> [Float]? {
    guard let tensor = checkpoint.tensor(named: name) else { return nil }
    return try checkpoint.floats(of: tensor)
  }

  /// The shape of a tensor, nil where it wasn't recorded.
  func shape(_ name: String) -> [Int]? { checkpoint.tensor(named: name)?.shape }

  /// The tokens of a scale, [B, n].
  func tokens(scale: Int) throws -> [Int32] {
    let name = "scale\(scale).tokens"
    let count = arguments.labels.count * patchNumbers[scale] * patchNumbers[scale]
    guard let tensor = checkpoint.tensor(named: name), tensor.type == .i64 else {
      throw ParityError.notReference(path: path, lacks: "the int64 tensor \(name)")
    }
    guard tensor.elementCount == count else {
      throw ParityError.shape(
        path: path, tensor: name, expected: count, actual: tensor.elementCount)
    }
    return try unsafe checkpoint.withContiguousBytes(of: tensor) { bytes in
      (0..<count).map { index in
        let value = unsafe bytes.loadUnaligned(fromByteOffset: 8 * index, as: Int64.self)
        return Int32(clamping: value)
      }
    }
  }
}
