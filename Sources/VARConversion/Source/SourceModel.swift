package import SafetensorsIO
package import TensorBytes
package import VARModel
internal import VARQuant

/// What the tensors of a checkpoint cannot tell; the defaults are the official values.
public struct ConversionOptions: Equatable, Sendable {
  /// Side lengths of the token maps, coarse to fine; nil: from the tensors, else official.
  public var patchNumbers: [Int]?
  /// Attention heads; nil: from the tensors, else C/64 for a width of C channels.
  public var heads: Int?
  /// Weight of the phi convolutions, `quant_resi`, within ±1.
  public var phiRatio: Float
  /// Whether tokens are chosen by cosine, `using_znorm`.
  public var zNormalized: Bool
  /// Strength of guidance that the model is meant to be drawn with, 0 to 1000; nil: the official one's.
  public var guidance: Double?
  /// The path of the state dict within a file, such as `state_dict` or `ema`; `.` for the top level,
  /// nil to find it.
  public var root: String?

  /// Makes options.
  public init(
    patchNumbers: [Int]? = nil, heads: Int? = nil, phiRatio: Float = 0.5, zNormalized: Bool = false,
    root: String? = nil, guidance: Double? = nil
  ) {
    self.root = root
    self.patchNumbers = patchNumbers
    self.heads = heads
    self.phiRatio = phiRatio
    self.zNormalized = zNormalized
    self.guidance = guidance
  }
}

/// The source of a conversion: a model's shape, inferred from its tensors, and where each tensor is.
///
/// Every tensor of the manifest is there, has its shape and is of a floating-point type; nothing is
/// left over. The values of weights have not been looked at. The source may be a `.varq` file, too,
/// which is then converted once more.
public struct SourceModel: Sendable {
  /// A tensor of the manifest and its place.
  package struct Binding: Sendable {
    /// What the tensor is.
    package let specification: TensorSpecification
    /// Where it is.
    package let source: SourceTensor
  }

  /// The shape of the model, validated.
  package internal(set) var configuration: ModelConfiguration
  /// The tensors in the order of the manifest.
  package let bindings: [Binding]
  /// The source files and what each holds: "transformer", "vae", or "training" for
  /// both; "varq" for a converted one.
  package let sourceFiles: [(role: String, file: MappedFile)]
  /// The checkpoints of the halves, each once.
  let checkpoints: [Checkpoint]
  /// The path within the files that was asked for, if one was.
  let root: String?
  /// The `.varq` file that the source is, if it is one.
  package let former: ModelFile?

  /// Opens checkpoints and recognises the halves of a model in them.
  ///
  /// PyTorch's zip and legacy containers and safetensors, one file or an index of shards, told by
  /// content. Each may hold one half or both, or be a checkpoint of the trainer. Only headers are
  /// read; nothing of a pickle is executed. A `.varq` file of f32, f16, bf16 and q8 alone may take
  /// their place.
  /// - Parameters:
  ///   - transformer: path of a file of which only the transformer is taken.
  ///   - tokenizer: path of a file of which only the VQ-VAE is taken.
  ///   - others: paths of files of which everything is taken.
  ///   - options: what the tensors cannot tell.
  /// - Throws: an error that describes what is wrong with a file, or why it is no VAR model.
  public static func open(
    transformer: String? = nil, tokenizer: String? = nil, others: [String] = [],
    options: ConversionOptions = ConversionOptions()
  ) throws -> SourceModel {
    let paths = [transformer, tokenizer].compactMap(\.self) + others
    if let path = paths.first(where: { (try? VarqFile.isRecognized($0)) == true }) {
      guard paths.count == 1, others.count == 1 else { throw ConversionError.notAlone(path: path) }
      return try SourceModel(former: ModelFile(path), options)
    }
    return try recognize(
      transformer: transformer.map { try Checkpoint.open($0) },
      tokenizer: tokenizer.map { try Checkpoint.open($0) },
      others: others.map { try Checkpoint.open($0) }, options: options)
  }

  /// Recognises the halves of a model in one file or several.
  ///
  /// Each file may be a state dict of one half or both, or a checkpoint of the trainer.
  /// - Parameters:
  ///   - transformer: a file of which only the transformer is taken.
  ///   - tokenizer: a file of which only the VQ-VAE is taken.
  ///   - others: files of which everything is taken.
  /// - Throws: ``ArchitectureError``, `CheckpointError`.
  package static func recognize(
    transformer: Checkpoint? = nil, tokenizer: Checkpoint? = nil, others: [Checkpoint] = [],
    options: ConversionOptions = ConversionOptions()
  ) throws -> SourceModel {
    var found: [StateDict] = []
    for (half, checkpoint) in [(ModelHalf.transformer, transformer), (.tokenizer, tokenizer)] {
      guard let checkpoint else { continue }
      guard
        let state = try StateDict.find(
          in: checkpoint, root: options.root, wanted: half)[half]
      else {
        throw ArchitectureError.wrongHalf(path: checkpoint.path, expected: half)
      }
      found.append(state)
    }
    for checkpoint in others {
      let halves = try StateDict.find(in: checkpoint, root: options.root)
      found += ModelHalf.allCases.compactMap { halves[$0] }
    }
    for half in ModelHalf.allCases {
      let paths = found.filter { $0.half == half }.map(\.path)
      if paths.count > 1 { throw ArchitectureError.halfTwice(half, paths: paths) }
    }
    return try SourceModel(
      found.first { $0.half == .transformer }, found.first { $0.half == .tokenizer }, options)
  }

  private init(
    _ transformer: StateDict?, _ tokenizer: StateDict?, _ options: ConversionOptions
  ) throws {
    let inference = ArchitectureInference(transformer, tokenizer, options)
    let configuration = try inference.configuration()
    try transformer?.match(configuration)
    try tokenizer?.match(configuration)
    self.configuration = configuration
    bindings = TensorManifest(configuration).tensors.compactMap { specification in
      let state = specification.half == .transformer ? transformer : tokenizer
      guard let state, let tensor = state.tensors[name: specification.upstreamName] else {
        return nil
      }
      return Binding(
        specification: specification,
        source: SourceTensor(.checkpoint(state.checkpoint, tensor), specification))
    }
    root = options.root
    former = nil
    sourceFiles = Self.files(transformer, tokenizer)
    let halves = [transformer, tokenizer].compactMap(\.self).map(\.checkpoint)
    checkpoints = halves.count == 2 && halves[0] === halves[1] ? [halves[0]] : halves
  }

  /// A `.varq` file as a source; what its tensors don't tell, its metadata do.
  /// - Throws: ``ConversionError/tooCoarse(path:tensor:format:)``, ``ConversionError/settled(path:)``.
  private init(former file: ModelFile, _ options: ConversionOptions) throws {
    guard options == ConversionOptions(root: options.root, guidance: options.guidance) else {
      throw ConversionError.settled(path: file.file.path)
    }
    for (specification, tensor) in file.tensors where tensor.format.traits is any BlockFormat {
      throw ConversionError.tooCoarse(
        path: file.file.path, tensor: specification.name, format: tensor.format)
    }
    var configuration = file.configuration
    if let guidance = options.guidance { configuration.guidance = guidance }
    try configuration.validate()
    self.configuration = configuration
    bindings = file.tensors.map { specification, tensor in
      Binding(
        specification: specification,
        source: SourceTensor(.varq(file.file, tensor), specification))
    }
    sourceFiles = [("varq", file.file.file)]
    checkpoints = []
    root = options.root
    former = file
  }

  private static func files(
    _ transformer: StateDict?, _ tokenizer: StateDict?
  ) -> [(role: String, file: MappedFile)] {
    if let transformer, transformer.checkpoint === tokenizer?.checkpoint {
      return transformer.checkpoint.files.map { ("training", $0) }
    }
    return [transformer, tokenizer].compactMap(\.self).flatMap { state in
      state.checkpoint.files.map { (state.half == .transformer ? "transformer" : "vae", $0) }
    }
  }
}
