import Foundation
import TensorBytes
import VARCore

/// What made a picture, as a text chunk of its PNG; enough to make it again.
struct PictureRecord: Codable, Equatable {
  /// Keyword of the text chunk.
  static let keyword = "var-run"

  var command: String
  var version: String
  /// SHA-256 over header and table of the model, in hexadecimal.
  var model: String
  /// What was asked for: ids, `none` and `random`; of all images of a batch that shares random
  /// numbers, else of this one alone.
  var classes: [String]
  /// Which of `classes` this picture is.
  var index: Int
  /// The class that it became; nil for none.
  var label: Int?
  /// The name of that class, if it has one.
  var name: String?
  /// The seed of its generator.
  var seed: UInt64
  var seedMode: SeedMode
  var cfg: Double
  var topK: Int
  var topP: Double
  var smooth: Bool
  var compute: String
  var cpuLevel: String
  /// The part of another picture that was kept.
  var edit: EditRecord?

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
    case cfg
    case topK = "top_k"
    case topP = "top_p"
    case smooth
    case compute
    case cpuLevel = "cpu_level"
    case edit
  }

  /// The text chunks of a picture.
  var texts: [ImageText] {
    get throws {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      let json = String(decoding: try encoder.encode(self), as: UTF8.self)
      return ImageText.software + [ImageText(keyword: Self.keyword, text: json)]
    }
  }

  /// Reads the record of a PNG that this program wrote.
  /// - Throws: ``PictureRecordError``, and what reading the picture throws.
  init(path: String) throws {
    let texts = try ImageFile(path: path).texts
    guard let entry = texts.first(where: { $0.keyword == Self.keyword }) else {
      throw PictureRecordError.missing(path: path)
    }
    do {
      self = try JSONDecoder().decode(PictureRecord.self, from: Data(entry.text.utf8))
    } catch {
      throw PictureRecordError.malformed(path: path)
    }
    guard classes.indices.contains(index), classes.count <= ClassArguments.limit,
      cfg.isFinite, topK >= 0, (0...1).contains(topP)
    else { throw PictureRecordError.malformed(path: path) }
  }

  init(
    command: String, model: String, plan: GenerationPlan, image: GenerationPlan.Image,
    name: String?, compute: String, cpuLevel: String, edit: EditRecord?
  ) {
    self.command = command
    version = Version.current
    self.model = model
    switch plan.seedMode {
    case .image:
      classes = [image.choice.text]
      index = 0
    case .batch:
      classes = plan.images.map(\.choice.text)
      index = image.index
    }
    label = image.label
    self.name = name
    seed = image.seed
    seedMode = plan.seedMode
    cfg = plan.options.guidance
    topK = plan.options.topK
    topP = plan.options.topP
    smooth = plan.options.smooth
    self.compute = compute
    self.cpuLevel = cpuLevel
    self.edit = edit
  }
}

/// Why a picture can't be made again.
enum PictureRecordError: Error, Equatable, CustomStringConvertible {
  case missing(path: String)
  case malformed(path: String)
  case otherModel(path: String, recorded: String, actual: String)
  case composite(path: String)

  var description: String {
    switch self {
    case .missing(let path):
      "\(path) does not say how it was made: it is not by var-run, or was written with --no-metadata"
    case .malformed(let path):
      "\(path): what it says about how it was made can't be understood; another version may have "
        + "written it"
    case .otherModel(let path, let recorded, let actual):
      "\(path) was made by the model \(recorded.prefix(12)), this one is \(actual.prefix(12)); "
        + "name the right one by --model"
    case .composite(let path):
      "\(path) holds pixels of another picture (--composite), which can't be made again from it; "
        + "repeat the command on that picture"
    }
  }
}

extension ClassChoice {
  /// As `--classes` would say it.
  var text: String {
    switch self {
    case .label(let label): "\(label)"
    case .unconditional: "none"
    case .random: "random"
    }
  }
}
