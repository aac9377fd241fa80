import TensorBytes

/// A reader of a stranger's bytes, as libFuzzer and the test that replays the corpus call it.
///
/// A target answers any bytes by reading them or by an error of the kind that it documents; anything
/// else ends the process, which both callers notice. Where a checksum or a length would turn most
/// inputs away, the target makes it right first.
public enum FuzzTarget: String, CaseIterable, Sendable {
  /// The JSON of a safetensors file; the last two bytes are the size of its data.
  case safetensors
  /// An index of shards.
  case index
  /// A zip archive with a PyTorch checkpoint in it.
  case zip
  /// The pickle of a checkpoint with one storage of 64 bytes.
  case pickle
  /// PyTorch's container before 1.6.
  case legacy
  /// A `.varq` file, under checksums and a size that are made right.
  case varq
  /// A tokens file.
  case tokens
  /// A recipe.
  case recipe
  /// A table of sensitivities.
  case sensitivity
  /// A table of labels.
  case labels
  /// A manifest of `inspect --manifest`.
  case manifest
  /// A PNG, under checksums that are made right.
  case png
  /// A JPEG.
  case jpeg
  /// A PNG's text records, and what they say of the picture.
  case records

  /// Feeds bytes to the reader.
  public func run(_ bytes: [UInt8]) {
    switch self {
    case .safetensors: CheckpointTargets.safetensors(bytes)
    case .index: CheckpointTargets.index(bytes)
    case .zip, .legacy: CheckpointTargets.open(bytes)
    case .pickle: CheckpointTargets.pickle(bytes)
    case .varq: VarqTarget.run(bytes)
    case .tokens: TextTargets.tokens(bytes)
    case .recipe: TextTargets.recipe(bytes)
    case .sensitivity: TextTargets.sensitivity(bytes)
    case .labels: TextTargets.labels(bytes)
    case .manifest: TextTargets.manifest(bytes)
    case .png: PictureTargets.png(bytes)
    case .jpeg: PictureTargets.jpeg(bytes)
    case .records: PictureTargets.records(bytes)
    }
  }

  /// Runs a reader, which may throw an error of one kind, and one that says something.
  static func expect<E: Error & CustomStringConvertible>(
    _ kind: E.Type, _ body: () throws -> Void
  ) {
    do {
      try body()
    } catch let error as E {
      if error.description.isEmpty { fatalError("an error without a text: \(E.self)") }
    } catch {
      fatalError("\(type(of: error)) instead of \(E.self): \(error)")
    }
  }
}
