import ModelFixtures
import TensorBytes
import TestSupport
import Testing
import VARCompute
import VARCore
import VARImages
import VARModel
import VARQuant

/// Requests and files that can't be, and what they are refused with.
@Suite struct ModelErrorTests {
  private func request(_ labels: [Int], guidance: Double = 0, edit: TokenEdit? = nil)
    -> GenerationRequest
  {
    GenerationRequest(
      labels: labels.map { .id($0) }, options: SamplingOptions(guidance: guidance),
      random: .batch(TorchGenerator(seed: 0)), edit: edit)
  }

  private func generator(images: Int = 1) throws -> Generator {
    try Generator(
      FixtureModels.model("plain"), Compute(mode: .f32), images: images, guided: false)
  }

  @Test func labels() throws {
    let generator = try generator()
    #expect(throws: ModelError.label(6, classes: 6)) { try generator.generate(request([6])) }
    #expect(throws: ModelError.label(-1, classes: 6)) { try generator.generate(request([-1])) }
    #expect(throws: ModelError.count(of: "labels", expected: 1, actual: 2)) {
      try generator.generate(request([1, 2]))
    }
  }

  @Test func guidanceAndSeeds() throws {
    let generator = try generator()
    #expect(throws: ModelError.unguided) { try generator.generate(request([1], guidance: 1.5)) }
    var seeds = request([1])
    seeds.random = .image([])
    #expect(throws: ModelError.count(of: "seeds", expected: 1, actual: 0)) {
      try generator.generate(seeds)
    }
  }

  @Test func tokens() throws {
    let codec = try ImageCodec(FixtureModels.model("plain"), Compute(mode: .f32))
    #expect(throws: ModelError.tokenMaps(expected: [1, 4, 16], actual: [1])) {
      try codec.features(of: TokenMaps([[0]]))
    }
    var maps = TokenMaps([[0], [0, 0, 0, 0], Array(repeating: 0, count: 16)])
    maps.scales[1][2] = 64
    #expect(throws: ModelError.token(64, scale: 1, position: 2, vocabulary: 64)) {
      try codec.features(of: maps)
    }
    maps.scales[1][2] = -1
    #expect(throws: ModelError.token(-1, scale: 1, position: 2, vocabulary: 64)) {
      try codec.features(of: maps)
    }
    #expect(throws: ModelError.features(expected: [1, 4, 4, 32], actual: [1, 1, 1, 3])) {
      try codec.decode(features([0, 0, 0], side: 1))
    }
    #expect(throws: ModelError.notFinite("decoded pixels")) {
      try codec.decode(features(Array(repeating: .infinity, count: 512), side: 4))
    }
    let small = try Image(width: 1, height: 1, pixels: [0, 0, 0])
    #expect(throws: ModelError.pixels(expected: 4, width: 1, height: 1)) {
      try codec.encode(small)
    }
  }

  @Test func masks() throws {
    let maps = TokenMaps([[0], [0, 0, 0, 0], Array(repeating: 0, count: 16)])
    let mask = EditMask(box: EditBox(0, 0, 1, 1), side: 5)
    #expect(throws: ModelError.mask(expected: 4, actual: 5)) {
      try generator().generate(request([1], edit: TokenEdit(tokens: maps, mask: mask)))
    }
  }

  @Test func halves() throws {
    let compute = try Compute(mode: .f32)
    let tokenizer = try FixtureModels.half(.tokenizer)
    #expect(
      throws: ModelError.missingHalf(
        path: tokenizer.file.path, half: .transformer, purpose: "generating")
    ) { try Generator(tokenizer, compute, images: 1, guided: false) }
    _ = try ImageCodec(tokenizer, compute)
    let transformer = try FixtureModels.half(.transformer)
    #expect(
      throws: ModelError.missingHalf(
        path: transformer.file.path, half: .tokenizer, purpose: "encoding or decoding pictures")
    ) { try ImageCodec(transformer, compute) }
  }

  private func features(_ values: [Float], side: Int) throws -> FeatureMap {
    FeatureMap(
      try FloatBuffer(values), images: 1, height: side, width: side,
      channels: values.count / (side * side))
  }
}

/// Files whose tensors are not those of their configuration.
@Suite struct BindingTests {
  /// Writes a file with the metadata of `plain` and tensors of zeros.
  private func write(_ tensors: [TensorPlan], to path: String) throws {
    let metadata = try FixtureModels.model("plain").file.metadata
    let writer = try VarqWriter(output(path), metadata: metadata, tensors: tensors)
    for tensor in tensors {
      let zeros = [UInt8](repeating: 0, count: tensor.format.byteCount(shape: tensor.shape))
      try unsafe zeros.withUnsafeBytes { try unsafe writer.append($0) }
    }
    try writer.finish()
  }

  private func plans() throws -> [TensorPlan] {
    try TensorManifest(FixtureModels.model("plain").configuration).tensors.map {
      TensorPlan(name: $0.name, format: .f32, shape: $0.storedShape)
    }
  }

  @Test func missing() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("model.varq")
    try write(plans().filter { $0.name != "var.head.bias" }, to: path)
    #expect(throws: ModelFileError(path: path, tensor: "var.head.bias", problem: .missing)) {
      try Model(path: path)
    }
  }

  @Test func surplus() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("model.varq")
    try write(
      plans() + [TensorPlan(name: "var.extra", format: .f32, shape: [2])], to: path)
    #expect(throws: ModelFileError(path: path, tensor: "var.extra", problem: .surplus)) {
      try Model(path: path)
    }
  }

  @Test func misshapen() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("model.varq")
    try write(
      plans().map {
        $0.name == "var.head.weight"
          ? TensorPlan(name: $0.name, format: .f32, shape: [64, 63]) : $0
      }, to: path)
    #expect(
      throws: ModelFileError(
        path: path, tensor: "var.head.weight",
        problem: .shape(expected: [64, 64], actual: [64, 63]))
    ) { try Model(path: path) }
  }

  /// What `var-convert verify` refuses, the runtime does not run: an embedding in blocks.
  @Test func blocksOfEmbeddings() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("model.varq")
    try write(
      plans().map {
        $0.name == "var.class_emb.weight"
          ? TensorPlan(name: $0.name, format: .q8, shape: $0.shape) : $0
      }, to: path)
    #expect(
      throws: ModelFileError(
        path: path, tensor: "var.class_emb.weight", problem: .format(.q8, role: .embedding))
    ) { try Model(path: path) }
  }
}
