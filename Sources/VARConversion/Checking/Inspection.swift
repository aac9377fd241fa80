internal import SafetensorsIO
internal import TensorBytes
internal import VARModel
internal import VARQuant

/// What a file holds: any checkpoint, or a `.varq` file.
public struct Inspection: Encodable, Sendable {
  /// A tensor of the file.
  public struct Tensor: Encodable, Sendable {
    /// Its raw path in a checkpoint, its name in a `.varq` file.
    public let name: String
    /// Type of the elements in the spelling of safetensors; `Q8` for that format.
    public let dtype: String
    /// Its dimensions.
    public let shape: [Int]
    /// Bytes of its elements; with scales and padding in `Q8`.
    public let bytes: Int
    /// SHA-256 of its row-major little-endian bytes, if that was asked for.
    public let sha256: String?
  }

  /// `pytorch-zip`, `pytorch-legacy`, `safetensors` or `varq`.
  public let kind: String
  /// Size of the file, or of all files of a sharded checkpoint.
  public let fileBytes: Int
  /// All tensors in the order of the file.
  public let tensors: [Tensor]
  /// The model's shape, by the keys of a `.varq` file's metadata; nil if it is no model.
  public let model: [String: InspectedValue]?
  /// Why there is no model, in words.
  public let problem: String?
  /// The same as an error; it is no part of the JSON.
  package let obstacle: (any Error)?
  /// SHA-256 of a `.varq` model's configuration and weights, whatever its labels.
  public let weightsChecksum: String?
  /// All metadata of a `.varq` file; what a checkpoint holds besides its tensors.
  public let metadata: [String: InspectedValue]

  private enum CodingKeys: String, CodingKey {
    case kind
    case fileBytes = "file_bytes"
    case tensors
    case model
    case problem
    case weightsChecksum = "weights_sha256"
    case metadata
  }

  /// Opens a file, whose kind is told by its content.
  /// - Parameters:
  ///   - path: of a checkpoint, an index of shards, or a `.varq` file.
  ///   - checksums: whether to compute the tensors' SHA-256, which reads all of the file.
  /// - Throws: errors of the file, but not that it holds no model; see ``problem``.
  public init(_ path: String, checksums: Bool = false) throws {
    if try !Folder.exists(path) && VarqFile.isRecognized(path) {
      try self.init(VarqFile(path), checksums: checksums)
    } else {
      try self.init(Checkpoint.open(path), checksums: checksums)
    }
  }

  private init(_ file: VarqFile, checksums: Bool) throws {
    kind = "varq"
    fileBytes = file.file.count
    tensors = try file.tensors.map { tensor in
      let digest = checksums ? try SHA256Digest.digest(of: file.file, in: tensor.bytes) : nil
      return Tensor(
        name: tensor.name, dtype: tensor.format.name.uppercased(), shape: tensor.shape,
        bytes: tensor.bytes.count, sha256: digest.map(SHA256Digest.hex))
    }
    metadata = file.metadata.values.mapValues(InspectedValue.init)
    weightsChecksum = (try? ModelFile(file)).map { SHA256Digest.hex($0.weightsChecksum) }
    (model, obstacle) = Self.describe { try ModelFile(file).configuration }
    problem = obstacle.map { "\($0)" }
  }

  private init(_ checkpoint: Checkpoint, checksums: Bool) throws {
    kind = checkpoint.kind.rawValue
    fileBytes = checkpoint.files.reduce(0) { $0 + $1.count }
    let digests = checksums ? try checkpoint.digests() : nil
    tensors = checkpoint.tensors.enumerated().map { index, tensor in
      Tensor(
        name: tensor.name, dtype: tensor.typeName, shape: tensor.shape,
        bytes: tensor.byteCount, sha256: digests.map { SHA256Digest.hex($0[index]) })
    }
    weightsChecksum = nil
    metadata = Self.facts(checkpoint.leaves)
    (model, obstacle) = Self.describe {
      try SourceModel.recognize(others: [checkpoint]).configuration
    }
    problem = obstacle.map { "\($0)" }
  }

  /// Values by name. Swift's dictionaries take names for one that differ by Unicode's normal form
  /// only; the later ones get a number.
  private static func facts(_ leaves: [CheckpointLeaf]) -> [String: InspectedValue] {
    var facts: [String: InspectedValue] = [:]
    facts.reserveCapacity(leaves.count)
    var namesakes = 1
    for leaf in leaves {
      var name = leaf.name
      if facts[name] != nil {
        namesakes += 1
        name += "~\(namesakes)"
      }
      facts[name] = InspectedValue(leaf.value)
    }
    return facts
  }

  private static func describe(
    _ infer: () throws -> ModelConfiguration
  ) -> ([String: InspectedValue]?, (any Error)?) {
    do {
      return (try infer().metadata.values.mapValues(InspectedValue.init), nil)
    } catch {
      return (nil, error)
    }
  }
}

/// A value of metadata for people and for JSON.
public enum InspectedValue: Encodable, Equatable, Sendable, CustomStringConvertible {
  /// Nothing.
  case none
  /// Yes or no.
  case boolean(Bool)
  /// A whole number.
  case integer(Int)
  /// A number beyond `Int`.
  case unsigned(UInt64)
  /// A number.
  case double(Double)
  /// A text.
  case string(String)
  /// Several values.
  case list([InspectedValue])
  /// The first of very many values.
  case excerpt([InspectedValue], count: Int)

  init(_ value: MetadataValue) {
    switch value {
    case .unsigned(let number): self = .unsigned(number)
    case .double(let number): self = .double(number)
    case .boolean(let truth): self = .boolean(truth)
    case .string(let text): self = .string(text)
    case .unsignedList(let numbers): self = .list(numbers.map { .unsigned($0) })
    case .doubleList(let numbers): self = .list(numbers.map { .double($0) })
    case .stringList(let texts): self = .list(texts.map { .string($0) })
    }
  }

  init(_ value: CheckpointValue) {
    switch value {
    case .none: self = .none
    case .bool(let truth): self = .boolean(truth)
    case .int(let number): self = .integer(number)
    case .float(let number): self = .double(number)
    case .string(let text), .other(let text): self = .string(text)
    case .integers(let numbers): self = .list(numbers.map { .integer($0) })
    case .list(let values, let count):
      let inspected = values.map { InspectedValue($0) }
      self =
        count == values.count
        ? .list(inspected) : .excerpt(Array(inspected.prefix(Self.shown)), count: count)
    }
  }

  /// Values of a list that are shown.
  private static let shown = 16

  private enum ExcerptKeys: String, CodingKey {
    case count
    case first
  }

  /// The value as JSON; an excerpt as an object of `count` and `first`.
  public func encode(to encoder: any Encoder) throws {
    if case .excerpt(let values, let count) = self {
      var container = encoder.container(keyedBy: ExcerptKeys.self)
      try container.encode(count, forKey: .count)
      return try container.encode(values, forKey: .first)
    }
    var container = encoder.singleValueContainer()
    switch self {
    case .none: try container.encodeNil()
    case .boolean(let truth): try container.encode(truth)
    case .integer(let number): try container.encode(number)
    case .unsigned(let number): try container.encode(number)
    case .double(let number): try container.encode(number)
    case .string(let text): try container.encode(text)
    case .list(let values): try container.encode(values)
    case .excerpt: break
    }
  }

  /// The value as text; long lists are cut short.
  public var description: String {
    switch self {
    case .none: "none"
    case .boolean(let truth): truth ? "yes" : "no"
    case .integer(let number): "\(number)"
    case .unsigned(let number): "\(number)"
    case .double(let number): "\(number)"
    case .string(let text): text
    case .list(let values): Self.text(values, count: values.count)
    case .excerpt(let values, let count): Self.text(values, count: count)
    }
  }

  private static func text(_ values: [InspectedValue], count: Int) -> String {
    values.prefix(shown).map(\.description).joined(separator: ", ")
      + (count > shown ? ", … (\(count))" : "")
  }
}
