internal import TensorBytes
package import VARModel
package import VARQuant

/// A tensor of a conversion: what it is, where it comes from, and how it will be stored.
public struct PlannedTensor: Sendable {
  /// Name, shapes and role.
  package let specification: TensorSpecification
  /// Its name, shape and format in the `.varq` file.
  package let target: TensorPlan
  /// Why the format is not that of the recipe's table, where it isn't.
  public let note: String?
  let source: SourceTensor

  /// Its name in the `.varq` file: `var.` or `vae.` and the official name.
  public var name: String { target.name }
  /// Its dimensions in the `.varq` file, the slowest first; convolutions as [Cout, kh, kw, Cin].
  public var shape: [Int] { target.shape }
  /// The name of the format that it will have.
  public var type: String { target.format.name }
  /// Type of the elements in the source, in the spelling of safetensors; a format of a `.varq` file.
  public var sourceType: String { source.typeName }
  /// Number of elements.
  public var elementCount: Int { source.elementCount }
  /// Bytes in the source.
  public var sourceByteCount: Int { source.byteCount }
  /// Bytes in the `.varq` file, scales included.
  public var targetByteCount: Int { target.format.byteCount(shape: target.shape) }
  /// Bytes in f32.
  public var fullByteCount: Int { 4 * elementCount }
}

/// Everything that is decided before the first byte is written.
///
/// Making one reads a few rows of the tensors that are to have formats of fewer than 8 bits, and no
/// other weights.
public struct ConversionPlan: Sendable {
  /// The shape of the model.
  package let configuration: ModelConfiguration
  /// What chose the formats.
  package let recipe: ConversionRecipe
  /// All tensors in the order of the file.
  public let tensors: [PlannedTensor]
  /// The metadata of the file but for the sources' SHA-256.
  private let fixedMetadata: Metadata
  private let sources: [MappedFile]
  private let digests: SourceDigests?
  /// Whether the source is a `.varq` file, whose own sources' SHA-256 are kept.
  private let isRequantization: Bool

  /// Plans a conversion.
  /// - Parameters:
  ///   - model: the source, of which the configuration was inferred.
  ///   - survey: what was found in its weights.
  ///   - recipe: chooses the formats.
  /// - Throws: an error that says so if an override matches nothing, or asks for what is not possible.
  public init(_ model: SourceModel, _ survey: Survey, _ recipe: ConversionRecipe) throws {
    configuration = model.configuration
    let specifications = model.bindings.map(\.specification)
    try FormatOverride.match(recipe.overrides + recipe.rules, specifications)
    for override in recipe.overrides where !specifications.contains(where: override.matches) {
      throw RecipeError.unmatched(override: override.text)
    }
    tensors = try zip(model.bindings, survey.facts).map { binding, facts in
      let specification = binding.specification
      let choice = try Self.spare(
        recipe.choice(for: specification, facts), facts, binding.source)
      return PlannedTensor(
        specification: specification,
        target: TensorPlan(
          name: specification.name, format: choice.format, shape: specification.storedShape),
        note: Self.note(choice, facts),
        source: binding.source)
    }
    self.recipe = recipe
    fixedMetadata = Self.metadata(model, recipe)
    sources = model.sourceFiles.map(\.file)
    digests = survey.digests
    isRequantization = model.former != nil
  }

  /// A plan of tensors that other plans of the same model have chosen; to know its size.
  init(_ model: SourceModel, _ recipe: ConversionRecipe, _ tensors: [PlannedTensor]) {
    configuration = model.configuration
    self.tensors = tensors
    self.recipe = recipe
    fixedMetadata = Self.metadata(model, recipe)
    sources = model.sourceFiles.map(\.file)
    digests = nil
    isRequantization = model.former != nil
  }

  /// Plans a file that holds what the source does, in the source's types: f64 alone becomes f32.
  package init(exactly model: SourceModel) {
    configuration = model.configuration
    tensors = model.bindings.map { binding in
      PlannedTensor(
        specification: binding.specification,
        target: TensorPlan(
          name: binding.specification.name, format: binding.source.exactFormat,
          shape: binding.specification.storedShape),
        note: nil, source: binding.source)
    }
    recipe = ConversionRecipe(.f32)
    fixedMetadata = model.configuration.metadata
    sources = model.sourceFiles.map(\.file)
    digests = nil
    isRequantization = model.former != nil
  }

  /// Plans a file whose tensors have the formats that another file of the model has chosen.
  init(_ model: SourceModel, _ survey: Survey, formatsOf file: VarqFile) {
    configuration = model.configuration
    tensors = model.bindings.map { binding in
      let specification = binding.specification
      let format = file[specification.name]?.format ?? .f32
      return PlannedTensor(
        specification: specification,
        target: TensorPlan(
          name: specification.name,
          format: format.suits(shape: specification.storedShape) ? format : .f32,
          shape: specification.storedShape),
        note: nil, source: binding.source)
    }
    recipe = ConversionRecipe(.f32)
    fixedMetadata = model.configuration.metadata
    sources = model.sourceFiles.map(\.file)
    digests = survey.digests
    isRequantization = model.former != nil
  }

  /// The choice, or q8 (f32 where that is too small) if the format's scales lose too much.
  private static func spare(
    _ choice: FormatChoice, _ facts: TensorFacts, _ source: SourceTensor
  ) throws -> FormatChoice {
    guard choice.reason == .table else { return choice }
    let loss = try ScaleSpread.loss(of: source, choice.format)
    guard loss > ScaleSpread.largestLoss else { return choice }
    let canBeQ8 = TensorFormat.q8.holds(facts.largestMagnitude)
    return FormatChoice(format: canBeQ8 ? .q8 : .f32, reason: .spread(loss))
  }

  private static func note(_ choice: FormatChoice, _ facts: TensorFacts) -> String? {
    switch choice.reason {
    case .table: nil
    case .override(let text): text
    case .range:
      "values up to \(facts.largestMagnitude) are outside the range of the chosen format"
    case .shape: "the shape does not suit the chosen format"
    case .spread(let loss):
      "blocks of a row differ so much that scales of 8 bits would lose "
        + "\((10 * loss).rounded() / 10) dB"
    }
  }

  private static func metadata(_ model: SourceModel, _ recipe: ConversionRecipe) -> Metadata {
    var metadata = model.configuration.metadata
    metadata["convert.version"] = .string("var-convert " + Version.current)
    metadata["convert.recipe"] = .string(recipe.rules.isEmpty ? recipe.name : recipe.json)
    metadata["convert.overrides"] = .stringList(recipe.overrides.map(\.text))
    // Without it nobody knows which of two models in a file it was.
    metadata["convert.root"] = model.root.map { .string($0) }
    if let former = model.former {
      metadata.inherit(from: former.file)
    } else {
      metadata["source.roles"] = .stringList(model.sourceFiles.map(\.role))
    }
    return metadata
  }

  /// The files that the weights come from.
  package var sourcePaths: [String] { sources.map(\.path) }

  /// The metadata of the file, with zeros for the sources' SHA-256: of the same size as those that
  /// will be known.
  package var provisionalMetadata: Metadata {
    complete(sources.map { _ in String(repeating: "0", count: 64) })
  }

  /// The metadata of the file.
  ///
  /// The sources' SHA-256 are the survey's, which this waits for; where that has left them out, the
  /// files are read again.
  /// - Throws: `FileError`, `DigestError`.
  package func metadata() throws -> Metadata {
    if isRequantization { return fixedMetadata }
    return complete(
      try digests?.values()
        ?? sources.map { SHA256Digest.hex(try SHA256Digest.digest(of: $0)) })
  }

  private func complete(_ digests: [String]) -> Metadata {
    var metadata = fixedMetadata
    if !isRequantization { metadata["source.sha256"] = .stringList(digests) }
    return metadata
  }

  /// The size in bytes that the file will have.
  /// - Throws: where a name or a number of the plan breaks a rule of the format.
  public func fileSize() throws -> Int {
    try VarqWriter.fileSize(metadata: provisionalMetadata, tensors: tensors.map(\.target))
  }

  /// Bytes of the weights in the sources.
  public var sourceByteCount: Int { tensors.reduce(0) { $0 + $1.sourceByteCount } }
  /// Bytes of the weights in f32.
  public var fullByteCount: Int { tensors.reduce(0) { $0 + $1.fullByteCount } }

  /// Tensors and bytes of each format that occurs.
  package var byFormat: [(format: TensorFormat, tensors: Int, bytes: Int)] {
    TensorFormat.allCases.compactMap { format in
      let members = tensors.filter { $0.target.format == format }
      guard !members.isEmpty else { return nil }
      return (format, members.count, members.reduce(0) { $0 + $1.targetByteCount })
    }
  }
}
