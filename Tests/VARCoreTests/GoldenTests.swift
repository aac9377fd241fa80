import ModelFixtures
import TestSupport
import Testing
import VARCompute
import VARCore
import VARImages
import VARModel

/// Exact tokens and pictures of PyTorch, from f32 weights in f32 arithmetic.
@Suite struct GoldenTests {
  /// PSNR in dB that a picture must have at least.
  static let pictureLimit = 50.0

  static let generated = [
    "greedy", "greedy_single", "sampled", "sampled_single", "sampled_cfg4", "plain",
    "unconditional", "smooth", "cuda_single", "cuda_batch", "cuda_smooth",
  ]
  static let edited = ["inpaint_picture", "outpaint_picture", "edit_picture", "edit_cuda"]

  private func generate(
    _ golden: Golden, _ model: Model, _ compute: Compute, edit: TokenEdit? = nil
  ) throws -> [GeneratedImage] {
    let labels = golden.labels(of: model)
    let generator = try Generator(
      model, compute, images: labels.count, guided: golden.options.guidance != 0)
    return try generator.generate(
      GenerationRequest(
        labels: labels, options: golden.options,
        random: .batch(golden.generator), edit: edit))
  }

  private func check(
    _ images: [GeneratedImage], _ golden: Golden, _ name: String, _ kind: String,
    _ codec: ImageCodec
  ) throws {
    for (index, image) in images.enumerated() {
      #expect(image.drawn == golden.maps(image: index))
      let picture = try codec.decode(image.features)
      let ratio = try psnr(picture.pixels, goldenImage(name, kind, index).pixels)
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
    let own = try codec.encode(golden.picture()).tokens
    let inside = EditMask(
      box: EditBox(box[0], box[1], box[2], box[3]),
      side: model.configuration.transformer?.patchNumbers.last ?? 0)
    let mask = golden.mode == "outpaint" ? inside.inverted : inside
    let images = try generate(golden, model, compute, edit: TokenEdit(tokens: own, mask: mask))
    try check(images, golden, name, kind, codec)
    // The merged tokens decode to the picture, unlike the drawn ones.
    for image in images {
      #expect(try codec.features(of: image.tokens).values == image.features.values)
      #expect(image.tokens != image.drawn)
    }
  }

  @Test(arguments: FixtureModels.names)
  func reconstruction(_ name: String) throws {
    let model = try FixtureModels.model(name)
    let golden = try Golden.load(name, "recon_picture")
    let codec = try ImageCodec(model, Compute(mode: .f32))
    let encoded = try codec.encode(golden.picture())
    #expect(encoded.tokens == golden.maps(image: 0))
    let picture = try codec.decode(codec.features(of: encoded.tokens))
    let ratio = try psnr(picture.pixels, goldenImage(name, "recon_picture").pixels)
    #expect(ratio >= Self.pictureLimit, "\(ratio) dB")
  }

  /// Tokens by cosine, from tools/vartorch with `znorm=True` on the weights of `plain`; they survive
  /// noise of 1e-5 of the largest feature.
  @Test func zNormalizedTokens() throws {
    let codec = try ImageCodec(FixtureModels.zNormalizedModel(), Compute(mode: .f32))
    let picture = try ImageFile(path: Repository.fixture("images/picture_4.png")).image
    let encoded = try codec.encode(picture)
    #expect(
      encoded.tokens.scales == [
        [10], [47, 47, 13, 25],
        [20, 45, 5, 13, 25, 5, 56, 12, 38, 27, 18, 52, 25, 47, 47, 60],
      ])
    // Cosines differ by 2 at most.
    #expect(encoded.margins.joined().allSatisfy { $0 > 0 && $0 < 2 })
  }
}
