import Foundation
import SafetensorsIO
import TensorBytes
package import VARCore

/// A run that PyTorch computed, as `tools/dump_reference.py` recorded it.
package struct ReferenceDump: Sendable {
  /// The arguments of the run.
  package struct Arguments: Equatable, Sendable, Decodable, CustomStringConvertible {
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
    /// Where it was computed, and whose random numbers were drawn.
    package let device: SeedDevice
    /// What PyTorch rounded the matrices' inputs to.
    package let autocast: ReferencePrecision

    private enum CodingKeys: String, CodingKey {
      case labels
      case seed
      case cfg
      case topK = "top_k"
      case topP = "top_p"
      case moreSmooth = "more_smooth"
      case device
      case autocast
    }

    /// What tells a run from others.
    package var description: String {
      "seed \(seed), classes \(labels.map(String.init).joined(separator: ",")), computed on "
        + device.description + (autocast == .none ? "" : " under \(autocast.rawValue) autocast")
    }

    /// Decodes the arguments; the first dumps were all computed in f32 on a CPU, and don't say so.
    package init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: CodingKeys.self)
      labels = try container.decode([Int].self, forKey: .labels)
      seed = try container.decode(UInt64.self, forKey: .seed)
      cfg = try container.decode(Double.self, forKey: .cfg)
      topK = try container.decode(Int.self, forKey: .topK)
      topP = try container.decode(Double.self, forKey: .topP)
      moreSmooth = try container.decode(Bool.self, forKey: .moreSmooth)
      device = try container.decodeIfPresent(SeedDevice.self, forKey: .device) ?? .cpu
      autocast =
        try container.decodeIfPresent(ReferencePrecision.self, forKey: .autocast) ?? .none
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
  private let checkpoint: Checkpoint
  /// What the names of this run's tensors begin with.
  private let prefix: String

  /// Opens a file and finds its runs: one in `var-reference-v1`, any number in `var-reference-v2`.
  /// - Throws: `CheckpointError`, ``ParityError/notReference(path:lacks:)``.
  package static func runs(_ path: String) throws -> [ReferenceDump] {
    let checkpoint = try Checkpoint.open(path)
    var metadata: [String: String] = [:]
    for leaf in checkpoint.leaves {
      if case .string(let text) = leaf.value { metadata[leaf.name] = text }
    }
    let patchNumbers: [Int]
    let runs: [ReferenceDump]
    switch metadata["kind"] {
    case "var-reference-v1":
      patchNumbers = try decode(metadata, "patch_nums", path)
      let draws: [Float] =
        metadata["first_draws"] == nil ? [] : try decode(metadata, "first_draws", path)
      runs = [
        ReferenceDump(
          path: path, arguments: try decode(metadata, "arguments", path),
          patchNumbers: patchNumbers, firstDraws: draws, checkpoint: checkpoint, prefix: "")
      ]
    case "var-reference-v2":
      patchNumbers = try decode(metadata, "patch_nums", path)
      let arguments: [Arguments] = try decode(metadata, "runs", path)
      let draws: [[Float]] = try decode(metadata, "first_draws", path)
      guard draws.count == arguments.count else {
        throw ParityError.notReference(path: path, lacks: "first_draws of every run")
      }
      runs = zip(arguments, draws).enumerated().map { index, run in
        ReferenceDump(
          path: path, arguments: run.0, patchNumbers: patchNumbers, firstDraws: run.1,
          checkpoint: checkpoint, prefix: "run\(index).")
      }
    default:
      throw ParityError.notReference(
        path: path, lacks: "the metadata kind = var-reference-v1 or var-reference-v2")
    }
    guard !runs.isEmpty, runs.allSatisfy({ !$0.arguments.labels.isEmpty }), !patchNumbers.isEmpty
    else { throw ParityError.notReference(path: path, lacks: "labels and patch_nums") }
    return runs
  }

  private static func decode<T: Decodable>(
    _ metadata: [String: String], _ key: String, _ path: String
  ) throws -> T {
    guard let text = metadata[key], (try? JSONCost.check(Array(text.utf8))) != nil,
      let value = try? JSONDecoder().decode(T.self, from: Data(text.utf8))
    else { throw ParityError.notReference(path: path, lacks: "the metadata \(key) as JSON") }
    return value
  }

  /// The values of a tensor as f32, nil where it wasn't recorded.
  func floats(_ name: String) throws -> [Float]? {
    guard let tensor = checkpoint.tensor(named: prefix + name) else { return nil }
    return try checkpoint.floats(of: tensor)
  }

  /// The shape of a tensor, nil where it wasn't recorded.
  func shape(_ name: String) -> [Int]? { checkpoint.tensor(named: prefix + name)?.shape }

  /// The tokens of a scale, [B, n].
  func tokens(scale: Int) throws -> [Int32] {
    let name = prefix + "scale\(scale).tokens"
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
