import Foundation
import TestSupport
import Testing
import VAR
import VARCore
import VARImages
import VARModel

/// The goldens of PyTorch, through the programs as a user runs them: checkpoint, file, picture.
@Suite struct RunGoldenTests {
  /// Least PSNR of a generated picture, in dB.
  private static let generated = 50.0
  /// Least PSNR of a picture that began as another one.
  private static let rebuilt = 45.0
  /// Largest error of a loss, in nats.
  private static let loss = 1e-4

  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  static let runs = [
    "greedy", "greedy_single", "sampled", "sampled_single", "sampled_cfg4", "plain",
    "unconditional", "smooth", "cuda_single", "cuda_batch", "cuda_smooth",
  ]

  @Test(arguments: GoldenModel.allCases, runs)
  func generates(model: GoldenModel, run: String) throws {
    let golden = try Golden(model, run)
    let result = try model.run(
      "generate",
      golden.options(model) + ["--output", "pictures/", "--tokens-output", "tokens.json"],
      in: folder)
    try #require(result.status == 0, "\(result.errors)")
    let images = try model.tokens(folder.file("tokens.json"))
    #expect(images.count == golden.labels?.count)
    for (index, image) in images.enumerated() {
      #expect(image.tokens == golden.tokens(image: index))
      let psnr = try model.psnr(folder.file("pictures/000\(index).png"), "\(run).\(index)")
      #expect(psnr >= Self.generated, "image \(index): \(psnr) dB")
    }
  }

  @Test(
    arguments: GoldenModel.allCases, ["labels_1", "labels_3", "labels_cuda_1", "labels_cuda_3"])
  func drawsLabels(model: GoldenModel, run: String) throws {
    let golden = try Golden(model, run)
    let drawn = try #require(golden.drawnLabels)
    let result = try model.run(
      "generate",
      golden.options(model) + ["--count", "\(drawn.count)", "--tokens-output", "-"], in: folder)
    try #require(result.status == 0, "\(result.errors)")
    let images = try TokensFile(json: result.output, name: "-").images
    #expect(images.map(\.label) == drawn.map { .id($0) })
    #expect(images.enumerated().allSatisfy { $1.tokens == golden.tokens(image: $0) })
  }

  @Test(
    arguments: GoldenModel.allCases,
    ["inpaint_picture", "outpaint_picture", "edit_picture", "edit_cuda"])
  func edits(model: GoldenModel, run: String) throws {
    let golden = try Golden(model, run)
    let command = try #require(golden.mode)
    let picture = Repository.fixture("images/" + (try #require(golden.image)))
    let box = try #require(golden.box).map { "\($0)" }.joined(separator: ",")
    let result = try model.run(
      command,
      [
        picture, "--box", box, "--keep", "official", "--output", "edited.png", "--tokens-output",
        "tokens.json",
      ]
        + golden.options(model), in: folder)
    try #require(result.status == 0, "\(result.errors)")
    let image = try #require(try model.tokens(folder.file("tokens.json")).first)
    #expect(image.drawn == golden.tokens(image: 0))
    let psnr = try model.psnr(folder.file("edited.png"), run + ".0")
    #expect(psnr >= Self.rebuilt, "\(psnr) dB")

    let decoded = try model.run(
      "decode", ["tokens.json", "--output", "decoded.png", "--compute", "f32"], in: folder)
    try #require(decoded.status == 0, "\(decoded.errors)")
    #expect(
      try ImageFile(path: folder.file("decoded.png")).image
        == (try ImageFile(path: folder.file("edited.png")).image))
  }

  @Test(arguments: GoldenModel.allCases)
  func tokenizesAndReconstructs(model: GoldenModel) throws {
    let golden = try Golden(model, "recon_picture")
    let picture = Repository.fixture("images/" + (try #require(golden.image)))
    let tokenized = try model.run("tokenize", [picture, "--output", "-"], in: folder)
    try #require(tokenized.status == 0, "\(tokenized.errors)")
    let images = try TokensFile(json: tokenized.output, name: "-").images
    #expect(images == [TokensFile.Entry(tokens: golden.tokens(image: 0))])
    let rebuilt = try model.run(
      "reconstruct", [picture, "--output", "rebuilt.png", "--scales", "--json"], in: folder)
    try #require(rebuilt.status == 0, "\(rebuilt.errors)")
    let psnr = try model.psnr(folder.file("rebuilt.png"), "recon_picture.0")
    #expect(psnr >= Self.rebuilt, "\(psnr) dB")
    let last = folder.file("rebuilt-scale\(golden.tokens(image: 0).scales.count - 1).png")
    #expect(
      try ImageFile(path: last).image
        == (try ImageFile(path: folder.file("rebuilt.png")).image))
  }

  private struct Losses: Decodable {
    let images: Int
    let mean: Double
    let tail: Double

    private enum CodingKeys: String, CodingKey {
      case images
      case mean = "L_mean"
      case tail = "L_tail"
    }
  }

  @Test(arguments: GoldenModel.allCases)
  func evaluates(model: GoldenModel) throws {
    let golden = try Golden(model, "eval_picture")
    let label = try #require(golden.label)
    let source = Repository.fixture("images/" + (try #require(golden.image)))
    let target = URL(filePath: folder.file("images/\(label)/a.png"))
    try FileManager.default.createDirectory(
      at: target.deletingLastPathComponent(), withIntermediateDirectories: true)
    try FileManager.default.copyItem(at: URL(filePath: source), to: target)
    let result = try model.run(
      "evaluate", ["images", "--compute", "f32", "--json", "--output", "e.json"], in: folder)
    try #require(result.status == 0, "\(result.errors)")
    let losses = try JSONDecoder().decode(Losses.self, from: Data(result.output))
    #expect(losses.images == 1)
    #expect(abs(losses.mean - (golden.lossMean ?? .nan)) <= Self.loss)
    #expect(abs(losses.tail - (golden.lossTail ?? .nan)) <= Self.loss)
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == [
        "e.json", "images",
      ])
    #expect(try Data(contentsOf: URL(filePath: folder.file("e.json"))) == Data(result.output))
  }

  @Test func aModelComparedWithItselfDoesNotDiverge() throws {
    let model = GoldenModel.perBlock
    let images = Repository.fixture("images")
    let result = try model.run(
      "compare", [images, "--against", try model.path(), "--compute", "f32", "--limit", "2"],
      in: folder)
    try #require(result.status == 0, "\(result.errors)")
    let total = try #require(result.text.split(separator: "\n").last { $0.hasPrefix("all") })
    let cells = total.split(separator: " ")
    #expect(cells[1...7].allSatisfy { $0 == "0.000000" })
    #expect(cells[8...] == ["1.00000", "0.00000", "1.00000", "0.00000"])
  }
}
