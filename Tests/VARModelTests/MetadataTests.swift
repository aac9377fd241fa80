import Testing
import VARModel
import VARQuant

@Suite struct MetadataTests {
  private static let transformer = TransformerConfiguration(
    depth: 4, width: 256, heads: 4, hiddenWidth: 1024, vocabulary: 512, latentChannels: 16,
    classes: 3, patchNumbers: [1, 2, 3], adaLN: .shared, attention: .plain)
  private static let tokenizer = TokenizerConfiguration(
    channels: 32, multipliers: [1, 2, 2], residualBlocks: 2, vocabulary: 512, latentChannels: 16,
    patchNumbers: [1, 2, 3], phi: .partiallyShared(4), phiRatio: 0.3, zNormalized: true)
  private static let whole = ModelConfiguration(
    transformer: transformer, tokenizer: tokenizer, classNames: ["red", "大熊猫", ""])

  @Test func configurationsComeBack() throws {
    var official = Self.whole
    official.transformer?.adaLN = .perBlock
    official.transformer?.attention = .l2Normalized
    official.classNames = []
    var shared = ModelConfiguration(transformer: nil, tokenizer: Self.tokenizer)
    shared.tokenizer?.phi = .shared
    var perScale = shared
    perScale.tokenizer?.phi = .perScale
    let half = ModelConfiguration(transformer: Self.transformer, tokenizer: nil)
    for configuration in [Self.whole, official, shared, perScale, half] {
      #expect(try ModelConfiguration(metadata: configuration.metadata) == configuration)
    }
  }

  struct Change: Sendable {
    let key: String
    let value: MetadataValue?
    let error: MetadataError
  }

  @Test(arguments: [
    Change(key: "model.architecture", value: nil, error: .missing(key: "model.architecture")),
    Change(
      key: "model.architecture", value: .string("gpt"),
      error: .invalid(key: "model.architecture", value: "gpt", allowed: "var")),
    Change(key: "var.depth", value: nil, error: .missing(key: "var.depth")),
    Change(
      key: "var.depth", value: .double(4),
      error: .wrongType(key: "var.depth", expected: "u64", actual: "f64")),
    Change(
      key: "var.width", value: .unsigned(1 << 40),
      error: .invalid(key: "var.width", value: "1099511627776", allowed: "at most 2147483647")),
    Change(
      key: "var.adaln", value: .string("both"),
      error: .invalid(key: "var.adaln", value: "both", allowed: "per-block or shared")),
    Change(
      key: "var.attention", value: .string("linear"),
      error: .invalid(key: "var.attention", value: "linear", allowed: "l2-normalized or plain")),
    Change(
      key: "vae.phi", value: .string("none"),
      error: .invalid(
        key: "vae.phi", value: "none", allowed: "shared, partially-shared or per-scale")),
    Change(
      key: "vae.phi", value: .string("shared"),
      error: .invalid(key: "vae.phi_count", value: "4", allowed: "1 with the layout shared")),
    Change(
      key: "class.names", value: .unsigned(3),
      error: .wrongType(key: "class.names", expected: "list of strings", actual: "u64")),
    Change(
      key: "sampling.guidance", value: .unsigned(0),
      error: .wrongType(key: "sampling.guidance", expected: "f64", actual: "u64")),
  ])
  func unusableMetadataIsRefused(change: Change) {
    var metadata = Self.whole.metadata
    metadata[change.key] = change.value
    #expect(throws: change.error) { try ModelConfiguration(metadata: metadata) }
  }

  @Test func aDefaultGuidanceIsKept() throws {
    #expect(try ModelConfiguration(metadata: Self.whole.metadata).guidance == nil)
    var guided = Self.whole
    guided.guidance = 0
    #expect(try ModelConfiguration(metadata: guided.metadata) == guided)
    for wrong in [-0.5, 1001] {
      guided.guidance = wrong
      #expect(
        throws: ConfigurationError.inconsistent(
          "the default guidance is \(wrong), but must be 0 to 1000")
      ) { try ModelConfiguration(metadata: guided.metadata) }
    }
    guided.guidance = 0
    guided.transformer = nil
    #expect(
      throws: ConfigurationError.inconsistent(
        "a default guidance is of no use without a transformer")
    ) { try guided.validate() }
  }

  @Test func impossibleModelsAreRefused() {
    var metadata = Self.whole.metadata
    metadata["vae.vocabulary"] = .unsigned(256)
    #expect(throws: ConfigurationError.self) { try ModelConfiguration(metadata: metadata) }
    #expect(throws: ConfigurationError.empty) {
      try ModelConfiguration(metadata: Metadata(["model.architecture": .string("var")]))
    }
    metadata = Self.whole.metadata
    metadata["var.depth"] = .unsigned(0)
    #expect(
      throws: ConfigurationError.outOfRange(name: "depth", value: 0, allowed: "1 to 256")
    ) {
      try ModelConfiguration(metadata: metadata)
    }
  }

  /// Refused at once: two thousand million names would take minutes and gigabytes.
  @Test(.timeLimit(.minutes(1))) func phiConvolutionsAreCountedNotListed() {
    var metadata = Self.whole.metadata
    metadata["vae.phi_count"] = .unsigned(2_147_483_647)
    #expect(
      throws: ConfigurationError.outOfRange(
        name: "phi convolutions", value: 2_147_483_647, allowed: "1 to 256")
    ) {
      try ModelConfiguration(metadata: metadata)
    }
  }
}

@Suite struct ImageNetTests {
  @Test func namesStandAtTheirIDs() {
    #expect(ImageNet.classNames.count == 1000)
    #expect(Set(ImageNet.classNames).count == 1000)
    #expect(ImageNet.classNames[0] == "tench")
    #expect(ImageNet.classNames[207] == "golden retriever")
    #expect(ImageNet.classNames[980] == "volcano")
    #expect(ImageNet.classNames[999] == "toilet tissue")
  }
}
