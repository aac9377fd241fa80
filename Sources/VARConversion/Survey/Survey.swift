internal import SafetensorsIO
internal import TensorBytes
internal import VARModel
internal import VARQuant

/// What is to be known of a source before formats are chosen: facts of its weights, digests of its
/// files.
///
/// Making one reads each file once, front to back, and holds some megabytes of it at a time: one
/// thread looks at the weights, and another follows with the digests, which may come later than the
/// rest.
public struct Survey: Sendable {
  /// The facts of each tensor, in the order of the source's bindings; all values are finite.
  package let facts: [TensorFacts]
  /// The SHA-256 of each checkpoint's file; nil where they were not wanted.
  package let digests: SourceDigests?
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
    if let former = model.former { try surveyor.scan(former, progress) }
    facts = surveyor.facts
    digests = surveyor.digests
    warnings = zip(model.bindings, facts).compactMap { binding, facts in
      facts.oddity.map { "\(binding.specification.name) \($0)" }
    }
    for (binding, facts) in zip(model.bindings, facts) where !facts.isFinite {
      throw ConversionError.notFinite(path: binding.source.path, tensor: binding.source.name)
    }
  }
}

/// The state of a survey.
private struct Surveyor {
  private let model: SourceModel
  private var collectors: [FactCollector]
  /// Of each checkpoint's file in the order of the model's; nil where none is wanted.
  let digests: SourceDigests?
  private var tracker: ConversionProgress

  init(_ model: SourceModel, hashing: Bool) throws {
    self.model = model
    collectors = model.bindings.map { FactCollector($0.specification) }
    digests =
      hashing && model.former == nil ? try SourceDigests(model.sourceFiles.map(\.file)) : nil
    tracker = ConversionProgress(
      phase: .examining, total: model.bindings.reduce(0) { $0 + $1.source.elementCount })
  }

  var facts: [TensorFacts] { collectors.map(\.facts) }

  /// Reads the files of one checkpoint.
  mutating func scan(
    _ checkpoint: Checkpoint, _ progress: (ConversionProgress) -> Void
  ) throws {
    let places = model.bindings.enumerated().compactMap { index, binding in
      guard case .checkpoint(let owner, let tensor) = binding.source.place, owner === checkpoint
      else { return nil as (index: Int, tensor: CheckpointTensor)? }
      return (index, tensor)
    }
    let hash: [FileHash?] = checkpoint.files.map { file in
      digests.flatMap { digests in
        model.sourceFiles.firstIndex { $0.file === file }.map { digests.hashes[$0] }
      }
    }
    var buffer = [Float](repeating: 0, count: 4096)
    try unsafe checkpoint.scan(
      places.map(\.tensor),
      bytes: digests == nil ? nil : { file, bytes in hash[file]?.add(bytes.count) }
    ) { tensor, elements in
      let (index, tensor) = places[tensor]
      unsafe buffer.withUnsafeMutableBufferPointer {
        unsafe collectors[index].add(elements, tensor.type, $0)
      }
      advance(index, elements.count / tensor.type.byteWidth, progress)
    }
  }

  /// Reads a `.varq` file, and checks its tensors.
  mutating func scan(_ former: ModelFile, _ progress: (ConversionProgress) -> Void) throws {
    for (index, binding) in model.bindings.enumerated() {
      guard case .varq(let file, let tensor) = binding.source.place else { continue }
      if let defect = try file.defect(of: tensor) {
        throw ConversionError.damaged(path: file.path, defect)
      }
      try unsafe binding.source.forEachPiece { values in
        unsafe collectors[index].add(UnsafeBufferPointer(values))
        advance(index, values.count, progress)
      }
    }
  }

  private mutating func advance(
    _ index: Int, _ count: Int, _ progress: (ConversionProgress) -> Void
  ) {
    tracker.tensor = model.bindings[index].specification.name
    tracker.done += count
    progress(tracker)
  }
}
