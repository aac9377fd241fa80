import TestSupport
import Testing
import VARCompute
import VARCore
import VARModel

/// Exact tokens and pictures of PyTorch, from f32 weights in f32 arithmetic.
@Suite struct GoldenTests {
  /// PSNR in dB that a picture must have at least.
  static let pictureLimit = 50.0
  /// Losses in nats must agree to this.
  static let lossLimit = 1e-4

  static let generated = [
    "greedy", "greedy_single", "sampled", "sampled_single", "sampled_cfg4", "plain",
    "unconditional", "smooth",
  ]
  static let edited = ["inpaint_picture", "outpaint_picture", "edit_picture"]

  private func generate(
    _ golden: Golden, _ model: Model, _ compute: Compute, edit: Edit? = nil
  ) throws -> [GeneratedImage] {
    let labels = golden.labels(of: model)
    let generator = try Generator(
      model, compute, images: labels.count, guided: golden.options.guidance != 0)
    return try generator.generate(
      GenerationRequest(
        labels: labels, options: golden.options,
        random: .batch(RandomSource(seed: golden.seed ?? 0)), edit: edit))
  }

  private func check(
    _ images: [GeneratedImage], _ golden: Golden, _ name: String, _ kind: String,
    _ codec: ImageCodec
  ) throws {
    for (index, image) in images.enumerated() {
      #expect(image.drawn == golden.maps(image: index))
      let picture = try codec.pixels(of: image.latent)
      let ratio = try psnr(picture, goldenImage(name, kind, index).pixels)
      #expect(ratio >= Self.pictureLimit, "\(kind) \(index): \(ratio) dB")
    }
  }

  @Test(arguments: FixtureModels.names, generated)
  func generation(_ name: String, _ kind: String) throws {
    let model = try FixtureModels.model(name)
    let compute = try Compute(mode: .f32)
    let golden = try Golden.load(name, kind)
    try check(
      generate(golden, model, compute), golden, name, kind, ImageCodec(model, compute))
  }

  @Test(arguments: FixtureModels.names, edited)
  func editing(_ name: String, _ kind: String) throws {
    let model = try FixtureModels.model(name)
    let compute = try Compute(mode: .f32)
    let golden = try Golden.load(name, kind)
    let codec = try ImageCodec(model, compute)
    let box = try #require(golden.box)
    let own = try codec.encode(golden.picture().pixels).tokens
    let mask = EditMask(
      box: EditBox(box[0], box[1], box[2], box[3]), generateInside: golden.mode != "outpaint",
      side: model.configuration.transformer?.patchNumbers.last ?? 0)
    let images = try generate(golden, model, compute, edit: Edit(tokens: own, mask: mask))
    try check(images, golden, name, kind, codec)
    // The merged tokens decode to the picture, unlike the drawn ones.
    for image in images {
      #expect(try codec.latent(of: image.tokens) == image.latent)
      #expect(image.tokens != image.drawn)
    }
  }

  @Test(arguments: FixtureModels.names)
  func reconstruction(_ name: String) throws {
    let model = try FixtureModels.model(name)
    let golden = try Golden.load(name, "recon_picture")
    let codec = try ImageCodec(model, Compute(mode: .f32))
    let encoded = try codec.encode(golden.picture().pixels)
    #expect(encoded.tokens == golden.maps(image: 0))
    let picture = try codec.pixels(of: codec.latent(of: encoded.tokens))
    let ratio = try psnr(picture, goldenImage(name, "recon_picture").pixels)
    #expect(ratio >= Self.pictureLimit, "\(ratio) dB")
  }

  /// Tokens by cosine, from tools/vartorch with `znorm=True` on the weights of `plain`; they survive
  /// noise of 1e-5 of the largest feature.
  @Test func zNormalizedTokens() throws {
    let codec = try ImageCodec(FixtureModels.zNormalizedModel(), Compute(mode: .f32))
    let picture = try ImageFile(path: Repository.fixture("images/picture_4.png")).image
    let encoded = try codec.encode(picture.pixels)
    #expect(
      encoded.tokens.scales == [
        [10], [47, 47, 13, 25],
        [20, 45, 5, 13, 25, 5, 56, 12, 38, 27, 18, 52, 25, 47, 47, 60],
      ])
    // Cosines differ by 2 at most.
    #expect(encoded.margins.joined().allSatisfy { $0 > 0 && $0 < 2 })
  }

  @Test(arguments: FixtureModels.names)
  func evaluation(_ name: String) throws {
    let model = try FixtureModels.model(name)
    let compute = try Compute(mode: .f32)
    let golden = try Golden.load(name, "eval_picture")
    let tokens = try ImageCodec(model, compute).encode(golden.picture().pixels).tokens
    var report = EvaluationReport(patchNumbers: tokens.scales.map { side(of: $0.count) })
    let label = try #require(golden.label)
    let scores = try Evaluator(model, compute).scores(of: [tokens], labels: [label])
    try report.add(scores[0])
    let worst = max(
      abs(report.mean.loss.mean - (golden.lossMean ?? .nan)),
      abs(report.tail.loss.mean - (golden.lossTail ?? .nan)))
    #expect(worst <= Self.lossLimit, "worst \(worst)")
    #expect(abs(1 - report.mean.error.mean - (golden.accuracyMean ?? .nan)) < 1e-6)
    #expect(abs(1 - report.tail.error.mean - (golden.accuracyTail ?? .nan)) < 1e-6)
  }

  private func side(of count: Int) -> Int { (1...count).first { $0 * $0 == count } ?? 0 }
}
