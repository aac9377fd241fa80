import Foundation
import TestSupport
import Testing
import VAR

/// Tokens that PyTorch drew on a GPU from the demo model, drawn here from the same seed.
@Suite struct GPUGoldenTests {
  private struct Goldens: Decodable {
    let gpu: String
    let runs: [Run]
  }

  private struct Run: Decodable {
    let labels: [Int]
    let seed: UInt64
    let cfg: Double
    let topK: Int
    let topP: Double
    /// `cuda:SMSxTHREADS`.
    let device: String
    let autocast: String
    /// [scale][image][position].
    let tokens: [[[Int32]]]
  }

  private let folder: TemporaryFolder
  private let model: String

  init() throws {
    folder = try TemporaryFolder()
    model = folder.file("demo.varq")
    let source = Repository.file("models/fashion-var")
    let result = try CommandRunner.run(
      "var-convert",
      [
        "convert", "--var", source + "/var.pth", "--vae", source + "/vae.pth", "--type", "f32",
        "--output", model,
      ])
    try #require(result.status == 0, "\(result.errors)")
  }

  /// In f32, and under fp16 autocast, whose rounding changed none of these draws.
  @Test(arguments: ["none", "fp16"])
  func drawsWhatTheGPUDrew(autocast: String) throws {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    let goldens = try decoder.decode(
      Goldens.self,
      from: Data(
        contentsOf: URL(fileURLWithPath: Repository.file("Tests/Goldens/gpu/demo.json"))))
    let runs = goldens.runs.filter { $0.autocast == autocast }
    #expect(runs.count == 2)
    for run in runs {
      let result = try CommandRunner.run(
        "var-run",
        [
          "generate", "--model", model, "--compute", "f32", "--classes",
          run.labels.map(String.init).joined(separator: ","), "--seed", "\(run.seed)",
          "--seed-mode", "batch", "--seed-device", run.device, "--cfg", "\(run.cfg)", "--top-k",
          "\(run.topK)", "--top-p", "\(run.topP)", "--tokens-output", "-",
          "--output", folder.file("pictures-\(run.seed)/"),
        ])
      try #require(result.status == 0, "\(result.errors)")
      let images = try TokensFile(json: result.output, name: "-").images
      for (index, image) in images.enumerated() {
        #expect(image.tokens == TokenMaps(run.tokens.map { $0[index] }), "\(goldens.gpu)")
      }
    }
  }
}
