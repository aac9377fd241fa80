import Foundation
import TestSupport
import VAR
import VARCore
import VARImages
import VARModel

/// Arguments and tokens of a run by PyTorch, see Fixtures/README.md.
struct Golden: Decodable {
  let labels: [Int]?
  let drawnLabels: [Int]?
  let seed: UInt64?
  let seedDevice: String?
  let cfg: Double?
  let topK: Int?
  let topP: Double?
  let moreSmooth: Bool?
  let image: String?
  let mode: String?
  let box: [Double]?
  let label: Int?
  let lossMean: Double?
  let lossTail: Double?
  /// [scale][image][position]
  let tokens: [[[Int32]]]?

  private enum CodingKeys: String, CodingKey {
    case labels
    case drawnLabels = "drawn_labels"
    case seed
    case seedDevice = "seed_device"
    case cfg
    case topK = "top_k"
    case topP = "top_p"
    case moreSmooth = "more_smooth"
    case image
    case mode
    case box = "box_y0x0y1x1"
    case label
    case lossMean = "L_mean"
    case lossTail = "L_tail"
    case tokens
  }

  init(_ model: GoldenModel, _ name: String) throws {
    let url = URL(filePath: Repository.fixture("goldens/\(model.rawValue)/\(name).json"))
    self = try JSONDecoder().decode(Golden.self, from: Data(contentsOf: url))
  }

  /// The options that repeat the run.
  func options(_ model: GoldenModel) -> [String] {
    let classes = labels.map { labels in
      ["--classes", labels.map { $0 == model.classes ? "none" : "\($0)" }.joined(separator: ",")]
    }
    let sampling = [
      "--seed", "\(seed ?? 0)", "--cfg", "\(cfg ?? 0)", "--top-k", "\(topK ?? 0)",
      "--top-p", "\(topP ?? 0)", "--seed-mode", "batch", "--compute", "f32",
    ]
    let device = seedDevice.map { ["--seed-device", $0] } ?? []
    return (classes ?? []) + sampling + device + (moreSmooth == true ? ["--smooth"] : [])
  }

  /// One image's tokens, [scale][position].
  func tokens(image: Int) -> TokenMaps { TokenMaps((tokens ?? []).map { $0[image] }) }
}

/// A checkpoint pair of the fixtures, converted once for all tests.
enum GoldenModel: String, CaseIterable, Sendable {
  case perBlock = "per-block"
  case shared
  case plain

  var classes: Int {
    switch self {
    case .perBlock: 8
    case .shared: 5
    case .plain: 6
    }
  }

  private static let folder = Result { try TemporaryFolder() }
  private static let converted = allCases.map { model in Result { try model.convert() } }

  /// The converted file, in f32.
  func path() throws -> String {
    try Self.converted[Self.allCases.firstIndex(of: self) ?? 0].get()
  }

  private func convert() throws -> String {
    let source = Repository.fixture("models/\(rawValue)/")
    let target = try Self.folder.get().file(rawValue + ".varq")
    let result = try CommandRunner.run(
      "var-convert",
      [
        "convert", "--var", source + "var.pth", "--vae", source + "vae.pth", "--type", "f32",
        "--output", target,
      ])
    guard result.status == 0 else { throw ConversionFailure(message: result.errors) }
    return target
  }

  struct ConversionFailure: Error {
    let message: String
  }

  /// Runs `var-run` with this model in a folder.
  func run(_ command: String, _ arguments: [String], in folder: TemporaryFolder) throws
    -> CommandResult
  {
    try CommandRunner.run(
      "var-run", [command, "--model", try path()] + arguments, in: folder.path)
  }

  /// Reads a tokens file that a command wrote.
  func tokens(_ path: String) throws -> [TokensFile.Entry] {
    let json = [UInt8](try Data(contentsOf: URL(filePath: path)))
    return try TokensFile(json: json, name: path).images
  }

  /// PSNR of a picture to the golden one, in dB.
  func psnr(_ path: String, _ golden: String) throws -> Double {
    let expected = try ImageFile(path: Repository.fixture("goldens/\(rawValue)/\(golden).png"))
    return try ImageFile(path: path).image.psnr(to: expected.image) ?? .nan
  }
}
