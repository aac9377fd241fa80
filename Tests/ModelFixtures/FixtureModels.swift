import Foundation
import SafetensorsIO
import TestSupport
import VARConversion
package import VARCore
package import VARImages
package import VARModel
import VARQuant

/// The fixture models, converted once for all tests.
package enum FixtureModels {
  /// Models of every form: adaLN per block and shared; l2-normalised and plain attention; four phi
  /// convolutions, one a scale, one for all.
  package static let names = ["per-block", "shared", "plain"]

  private static let exact = names.map { name in Result { try convert(name, .f32) } }
  private static let quantized = names.map { name in Result { try convert(name, .q8) } }

  /// A model with f32 weights.
  package static func model(_ name: String) throws -> Model { try exact[index(name)].get() }

  /// A model with q8 weights.
  package static func quantizedModel(_ name: String) throws -> Model {
    try quantized[index(name)].get()
  }

  /// The model `plain` read as one whose tokens are chosen by cosine.
  package static func zNormalizedModel() throws -> Model {
    let folder = Repository.fixture("models/plain")
    return try write(
      .recognize(
        transformer: Checkpoint.open(folder + "/var.pth"),
        tokenizer: Checkpoint.open(folder + "/vae.pth"),
        options: ConversionOptions(zNormalized: true)), .f32)
  }

  /// One half of the model `plain`.
  package static func half(_ half: ModelHalf) throws -> Model {
    let file = half == .transformer ? "var.pth" : "vae.pth"
    // Only the transformer holds patch_nums.
    return try write(
      .recognize(
        others: [Checkpoint.open(Repository.fixture("models/plain/" + file))],
        options: ConversionOptions(patchNumbers: [1, 2, 4])), .f32)
  }

  private static func index(_ name: String) -> Int { names.firstIndex(of: name) ?? 0 }

  private static func convert(_ name: String, _ format: TensorFormat) throws -> Model {
    let folder = Repository.fixture("models/" + name)
    let source = try SourceModel.recognize(
      transformer: Checkpoint.open(folder + "/var.pth"),
      tokenizer: Checkpoint.open(folder + "/vae.pth"))
    return try write(source, format)
  }

  /// The file may go once it is mapped.
  private static func write(_ source: SourceModel, _ format: TensorFormat) throws -> Model {
    let folder = try TemporaryFolder()
    let path = folder.file("model.varq")
    _ = try Converter(ConversionPlan(source, Survey(source), ConversionRecipe(format))).write(
      to: output(path))
    return try Model(path: path)
  }
}

/// The arguments and results of a golden.
package struct Golden: Decodable {
  package var labels: [Int]?
  package var label: Int?
  package var seed: UInt64?
  package var seedDevice: String?
  package var cfg: Double?
  package var topK: Int?
  package var topP: Double?
  package var moreSmooth: Bool?
  package var box: [Double]?
  package var mode: String?
  package var image: String?
  /// [scale][image][position].
  package var tokens: [[[Int32]]]?
  package var lossMean: Double?
  package var lossTail: Double?
  package var accuracyMean: Double?
  package var accuracyTail: Double?

  private enum CodingKeys: String, CodingKey {
    case labels
    case label
    case seed
    case seedDevice = "seed_device"
    case cfg
    case topK = "top_k"
    case topP = "top_p"
    case moreSmooth = "more_smooth"
    case box = "box_y0x0y1x1"
    case mode
    case image
    case tokens
    case lossMean = "L_mean"
    case lossTail = "L_tail"
    case accuracyMean = "acc_mean"
    case accuracyTail = "acc_tail"
  }

  package static func load(_ model: String, _ kind: String) throws -> Golden {
    let path = Repository.fixture("goldens/\(model)/\(kind).json")
    return try JSONDecoder().decode(Golden.self, from: Data(contentsOf: URL(filePath: path)))
  }

  /// The tokens of one image.
  package func maps(image: Int) -> TokenMaps { TokenMaps((tokens ?? []).map { $0[image] }) }

  /// The labels; PyTorch numbers the unconditional class as the last.
  package func labels(of model: Model) -> [ClassLabel] {
    (labels ?? []).map {
      $0 == model.configuration.transformer?.classes ? .unconditional : .id($0)
    }
  }

  /// The generator of the whole batch.
  package var generator: TorchGenerator {
    TorchGenerator(seed: seed ?? 0, on: seedDevice.flatMap { SeedDevice($0) } ?? .cpu)
  }

  package var options: SamplingOptions {
    SamplingOptions(
      guidance: cfg ?? 0, topK: topK ?? 0, topP: topP ?? 0, smooth: moreSmooth ?? false)
  }

  /// The picture that a golden was made of.
  package func picture() throws -> Image {
    try ImageFile(path: Repository.fixture("images/" + (image ?? ""))).image
  }
}

/// The picture of a golden.
package func goldenImage(_ model: String, _ kind: String, _ index: Int = 0) throws -> Image {
  try ImageFile(path: Repository.fixture("goldens/\(model)/\(kind).\(index).png")).image
}

/// Peak signal 255 over the mean squared difference of two pictures' samples, in dB.
package func psnr(_ left: [UInt8], _ right: [UInt8]) -> Double {
  guard left.count == right.count else { return -.infinity }
  let sum = zip(left, right).reduce(0.0) { sum, pair in
    let difference = Double(pair.0) - Double(pair.1)
    return sum + difference * difference
  }
  return 10 * log10(255 * 255 * Double(left.count) / sum)
}
