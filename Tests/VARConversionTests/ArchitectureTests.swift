import SafetensorsIO
import TensorBytes
import TestSupport
import Testing
import VARConversion
import VARModel

/// What is inferred of the fixtures, whose shapes are listed in their README.
@Suite struct ArchitectureTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func open(_ name: String) throws -> Checkpoint {
    try Checkpoint.open(Repository.fixture("models/" + name))
  }

  private static let perBlock = ModelConfiguration(
    transformer: TransformerConfiguration(
      depth: 2, width: 64, heads: 2, hiddenWidth: 256, vocabulary: 64, latentChannels: 16,
      classes: 8, patchNumbers: [1, 2, 3, 5, 8], adaLN: .perBlock, attention: .l2Normalized),
    tokenizer: TokenizerConfiguration(
      channels: 32, multipliers: [2, 1], residualBlocks: 2, vocabulary: 64, latentChannels: 16,
      patchNumbers: [1, 2, 3, 5, 8], phi: .partiallyShared(4), phiRatio: 0.5, zNormalized: false))

  private static let shared = ModelConfiguration(
    transformer: TransformerConfiguration(
      depth: 2, width: 64, heads: 1, hiddenWidth: 256, vocabulary: 128, latentChannels: 32,
      classes: 5, patchNumbers: [1, 2, 3, 4], adaLN: .shared, attention: .l2Normalized),
    tokenizer: TokenizerConfiguration(
      channels: 32, multipliers: [1, 1], residualBlocks: 2, vocabulary: 128, latentChannels: 32,
      patchNumbers: [1, 2, 3, 4], phi: .perScale, phiRatio: 0.5, zNormalized: false))

  private static let plain = ModelConfiguration(
    transformer: TransformerConfiguration(
      depth: 1, width: 64, heads: 1, hiddenWidth: 256, vocabulary: 64, latentChannels: 32,
      classes: 6, patchNumbers: [1, 2, 4], adaLN: .perBlock, attention: .plain),
    tokenizer: TokenizerConfiguration(
      channels: 32, multipliers: [1], residualBlocks: 2, vocabulary: 64, latentChannels: 32,
      patchNumbers: [1, 2, 4], phi: .shared, phiRatio: 0.5, zNormalized: false))

  @Test func infersThePairs() throws {
    for (name, expected) in [
      ("per-block", Self.perBlock), ("shared", Self.shared), ("plain", Self.plain),
    ] {
      let model = try SourceModel.recognize(
        transformer: open("\(name)/var.pth"), tokenizer: open("\(name)/vae.pth"))
      #expect(model.configuration == expected)
      #expect(model.bindings.count == TensorManifest(expected).tensors.count)
      #expect(model.sourceFiles.map(\.role) == ["transformer", "vae"])
    }
  }

  /// The same from every container, and from halves told by their tensors.
  @Test func infersFromEveryContainer() throws {
    let training = try SourceModel.recognize(others: [open("plain/ar-ckpt-last.pth")])
    #expect(training.configuration == Self.plain)
    #expect(training.sourceFiles.map(\.role) == ["training"])
    let others = try SourceModel.recognize(
      others: [open("plain/vae.safetensors"), open("plain/var-legacy.pth")])
    #expect(others.configuration == Self.plain)
    let mixed = try SourceModel.recognize(
      transformer: open("plain/ar-ckpt-last.pth"), tokenizer: open("plain/vae.pth"))
    #expect(mixed.configuration == Self.plain)
  }

  /// Both halves side by side in one file, each under wrappers.
  @Test func stripsWrappers() throws {
    let transformer = try EditedState("plain/var.pth").prefixed("module._orig_mod.module.")
    let both = try transformer.merged(EditedState("plain/vae.pth").prefixed("_orig_mod."))
    let model = try SourceModel.recognize(others: [both.checkpoint(folder)])
    #expect(model.configuration == Self.plain)
  }

  /// As in files that were cast to f16 with all they hold.
  @Test func readsLevelsThatAreFloats() throws {
    var state = try EditedState("plain/var.pth")
    state.tensors["lvl_1L"] = .floats([0, 1, 1, 1, 1] + Array(repeating: 2, count: 16))
    let model = try SourceModel.recognize(others: [state.checkpoint(folder)])
    #expect(model.configuration.transformer == Self.plain.transformer)
  }

  @Test func takesWhatTheTensorsCannotTell() throws {
    var transformer = try EditedState("plain/var.pth")
    transformer.tensors["lvl_1L"] = nil
    transformer.tensors["attn_bias_for_masking"] = nil
    let checkpoint = try transformer.checkpoint(folder)
    #expect(
      throws: ArchitectureError.unknownPatchNumbers(path: checkpoint.path, tokens: 21, scales: nil)
    ) { try SourceModel.recognize(others: [checkpoint]) }
    let options = ConversionOptions(
      patchNumbers: [1, 2, 4], heads: 4, phiRatio: 0.25, zNormalized: true)
    let model = try SourceModel.recognize(
      transformer: checkpoint, tokenizer: open("plain/vae.pth"), options: options)
    var expected = Self.plain
    expected.transformer?.heads = 4
    expected.tokenizer?.phiRatio = 0.25
    expected.tokenizer?.zNormalized = true
    #expect(model.configuration == expected)
    let wrong = ConversionOptions(patchNumbers: [1, 2, 3])
    #expect(
      throws: ArchitectureError.patchNumberCount(
        path: checkpoint.path, tensor: "pos_1LC", expected: 21, patchNumbers: [1, 2, 3])
    ) { try SourceModel.recognize(others: [checkpoint], options: wrong) }
  }

  /// The released lists, by the number of tokens.
  @Test func assumesTheOfficialPatchNumbers() throws {
    for sides in [[1, 2, 3, 4, 5, 6, 8, 10, 13, 16], [1, 2, 3, 4, 6, 9, 13, 18, 24, 32]] {
      var state = try EditedState("plain/var.pth")
      state.tensors["lvl_1L"] = nil
      state.tensors["attn_bias_for_masking"] = nil
      state.tensors["pos_1LC"] = .zeros([1, sides.reduce(0) { $0 + $1 * $1 }, 64])
      state.tensors["lvl_embed.weight"] = .zeros([10, 64])
      let model = try SourceModel.recognize(others: [state.checkpoint(folder)])
      #expect(model.configuration.transformer?.patchNumbers == sides)
    }
  }
}
