import Foundation
import TensorBytes
package import VARCompute
package import VARCore
package import VARImages
package import VARModel
import VARQuant

/// What made a picture, as a text chunk of its PNG; enough to make it again.
package struct PictureRecord: Codable, Equatable, Sendable {
  /// Keyword of the text chunk.
  package static let keyword = "var-run"

  /// The subcommand that made it.
  package var command: String
  /// The program's version.
  package var version: String
  /// SHA-256 of the model's configuration and weights, in hexadecimal; in older records, of the
  /// file's header and table.
  package var model: String
  /// What was asked for: ids, `none` and `random`; of all images of a batch that shares random
  /// numbers, else of this one alone.
  package var classes: [String]
  /// Which of `classes` this picture is.
  package var index: Int
  /// The class that it became.
  package var label: ClassLabel
  /// The name of that class, if it has one.
  package var name: String?
  /// The seed of its generator.
  package var seed: UInt64
  /// Where the random numbers come from.
  package var seedMode: SeedMode
  /// Whose random numbers they are; nil for a CPU's.
  package var seedDevice: SeedDevice?
  /// Strength of guidance.
  package var cfg: Double
  /// Top-k, 0 for all.
  package var topK: Int
  /// Top-p, 0 for all.
  package var topP: Double
  /// Whether the choice of tokens was softened.
  package var smooth: Bool
  /// The arithmetic.
  package var compute: String
  /// The instruction set.
  package var cpuLevel: String
  /// The part of another picture that was kept.
  package var edit: EditRecord?

  private enum CodingKeys: String, CodingKey {
    case command
    case version
    case model
    case classes
    case index
    case label = "class"
    case name = "class_name"
    case seed
    case seedMode = "seed_mode"
    case seedDevice = "seed_device"
    case cfg
    case topK = "top_k"
    case topP = "top_p"
    case smooth
    case compute
    case cpuLevel = "cpu_level"
    case edit
  }

  /// The text chunks of a picture.
  package var texts: [ImageText] {
    get throws {
      ImageText.software + [ImageText(keyword: Self.keyword, text: try RunRecord.json(self))]
    }
  }

  /// Reads the record of a PNG that this program wrote.
  /// - Throws: ``PictureRecordError``, and what reading the picture throws.
  package init(path: String) throws {
    let texts = try ImageFile(path: path).texts
    guard let entry = texts.first(where: { $0.keyword == Self.keyword }) else {
      throw PictureRecordError.missing(path: path)
    }
    try self.init(json: entry.text, path: path)
  }

  /// Reads the text of a record, which a file of this path has.
  /// - Throws: ``PictureRecordError/malformed(path:)``.
  package init(json text: String, path: String) throws(PictureRecordError) {
    do {
      try JSONCost.check(Array(text.utf8))
      self = try JSONDecoder().decode(PictureRecord.self, from: Data(text.utf8))
    } catch {
      throw .malformed(path: path)
    }
    guard classes.indices.contains(index), classes.count <= GenerationPlan.limit,
      cfg.isFinite, topK >= 0, (0...1).contains(topP)
    else { throw .malformed(path: path) }
  }

  /// Tells of a picture of a run.
  package init(
    command: String, _ entry: GenerationPlan.Entry, of plan: GenerationPlan, _ model: Model,
    _ compute: Compute, edit: PictureEdit?
  ) {
    self.command = command
    version = Version.current
    self.model = model.weightsChecksumText
    switch plan.seedMode {
    case .image:
      classes = [entry.choice.text]
      index = 0
    case .batch:
      classes = plan.entries.map(\.choice.text)
      index = entry.index
    }
    label = entry.label
    name = model.name(of: entry.label)
    seed = entry.seed
    seedMode = plan.seedMode
    seedDevice = plan.seedDevice == .cpu ? nil : plan.seedDevice
    cfg = plan.options.guidance
    topK = plan.options.topK
    topP = plan.options.topP
    smooth = plan.options.smooth
    self.compute = compute.mode.rawValue
    cpuLevel = compute.level.rawValue
    self.edit = edit.map(EditRecord.init)
  }

  /// The plan that makes the picture again, as the entry at ``index``.
  /// - Throws: `ClassListError` for classes that the model hasn't.
  package func plan(_ configuration: ModelConfiguration) throws -> GenerationPlan {
    let classes = configuration.transformer?.classes ?? 0
    let list = ClassList(classes: classes, names: [])
    return GenerationPlan(
      choices: try self.classes.flatMap(list.parse), classes: classes, seed: seed,
      seedMode: seedMode, seedDevice: seedDevice ?? .cpu,
      options: SamplingOptions(guidance: cfg, topK: topK, topP: topP, smooth: smooth))
  }
}

extension KeyedDecodingContainer {
  /// Records by older versions leave the class out where there is none.
  fileprivate func decode(_ type: ClassLabel.Type, forKey key: Key) throws -> ClassLabel {
    try decodeIfPresent(type, forKey: key) ?? .unconditional
  }
}

extension Model {
  /// SHA-256 of configuration and weights, in hexadecimal.
  package var weightsChecksumText: String { SHA256Digest.hex(weightsChecksum) }
  /// Whether a record tells of this model, however its file was labelled since.
  package func isModel(of record: PictureRecord) -> Bool {
    record.model == weightsChecksumText || record.model == checksumText
  }
  /// SHA-256 over header and tensor table, in hexadecimal.
  package var checksumText: String { SHA256Digest.hex(file.checksum) }

  /// The name of a class, if it has one.
  package func name(of label: ClassLabel) -> String? {
    let names = configuration.classNames
    return label.id.flatMap { names.indices.contains($0) ? names[$0] : nil }
  }
}

extension ImageText {
  /// The chunk that names this program.
  package static let software = [
    ImageText(keyword: "Software", text: "var-run \(Version.current)")
  ]
}

/// Why a picture can't be made again.
package enum PictureRecordError: Error, Equatable, CustomStringConvertible {
  /// It tells nothing.
  case missing(path: String)
  /// What it tells can't be understood.
  case malformed(path: String)
  /// Another model made it.
  case otherModel(path: String, recorded: String, actual: String)
  /// It holds pixels of another picture.
  case composite(path: String)

  /// The message for the user.
  package var description: String {
    switch self {
    case .missing(let path):
      "\(path) does not say how it was made"
    case .malformed(let path):
      "\(path): what it says about how it was made can't be understood; another version may have "
        + "written it"
    case .otherModel(let path, let recorded, let actual):
      "\(path) was made by the model \(recorded.prefix(12)), this one is \(actual.prefix(12))"
    case .composite(let path):
      "\(path) holds pixels of another picture, which can't be made again from it"
    }
  }
}
