internal import SafetensorsIO
internal import TensorBytes
internal import VARModel

/// What is to be known of a source before formats are chosen: facts of its weights, digests of its
/// files.
///
/// Making one reads each file once, front to back, and holds a megabyte of it at a time.
public struct Survey: Sendable {
  /// The facts of each tensor, in the order of the source's bindings; all values are finite.
  package let facts: [TensorFacts]
  /// The SHA-256 of each source file, in hexadecimal digits; nil where they were not wanted.
  package let digests: [String]?
  /// What trained weights don't look like, in words: matrices of zeros, constant rows, stray weights.
  public let warnings: [String]

  /// Reads the weights of a model.
  /// - Parameters:
  ///   - model: the source, whose tensors have been matched with their names and shapes.
  ///   - hashing: whether the files' SHA-256 will be needed: a plan that is not written needs none.
  ///   - progress: is told about every megabyte.
  /// - Throws: an error that names the first tensor with a NaN or an infinity, or whose bytes are
  ///   damaged.
  public init(
    _ model: SourceModel, hashing: Bool = true, progress: (ConversionProgress) -> Void = { _ in }
  ) throws {
    var surveyor = try Surveyor(model, hashing: hashing)
    for checkpoint in model.checkpoints { try surveyor.scan(checkpoint, progress) }
    facts = surveyor.facts
    digests = try surveyor.digests()
    warnings = zip(model.bindings, facts).compactMap { binding, facts in
      facts.oddity.map { "\(binding.specification.name) \($0)" }
    }
    for (binding, facts) in zip(model.bindings, facts) where !facts.isFinite {
      throw ConversionError.notFinite(path: binding.checkpoint.path, tensor: binding.tensor.name)
    }
  }
}

/// The state of a survey.
private struct Surveyor {
  private let model: SourceModel
  private var collectors: [FactCollector]
  /// A digest of each source file in the order of the model's; empty where none is wanted.
  private let hashes: [SHA256Digest]
  private var tracker: ConversionProgress

  init(_ model: SourceModel, hashing: Bool) throws {
    self.model = model
    collectors = model.bindings.map { FactCollector($0.tensor.type, $0.specification) }
    hashes = hashing ? try model.sourceFiles.map { _ in try SHA256Digest() } : []
    tracker = ConversionProgress(
      phase: .examining, total: model.bindings.reduce(0) { $0 + $1.tensor.elementCount })
  }

  var facts: [TensorFacts] { collectors.map(\.facts) }

  func digests() throws -> [String]? {
    hashes.isEmpty ? nil : try hashes.map { SHA256Digest.hex(try $0.finalize()) }
  }

  /// Reads the files of one checkpoint.
  mutating func scan(
    _ checkpoint: Checkpoint, _ progress: (ConversionProgress) -> Void
  ) throws {
    let indices = model.bindings.indices.filter { model.bindings[$0].checkpoint === checkpoint }
    let hash: [SHA256Digest?] = checkpoint.files.map { file in
      hashes.isEmpty
        ? nil : model.sourceFiles.firstIndex { $0.file === file }.map { hashes[$0] }
    }
    var buffer = [Float](repeating: 0, count: 4096)
    try unsafe checkpoint.scan(
      indices.map { model.bindings[$0].tensor },
      bytes: hashes.isEmpty ? nil : { file, bytes in try unsafe hash[file]?.update(bytes) }
    ) { tensor, elements in
      let index = indices[tensor]
      let binding = model.bindings[index]
      unsafe buffer.withUnsafeMutableBufferPointer {
        unsafe collectors[index].add(elements, $0)
      }
      tracker.tensor = binding.specification.name
      tracker.done += elements.count / binding.tensor.type.byteWidth
      progress(tracker)
    }
  }
}
