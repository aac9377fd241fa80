internal import SafetensorsIO
internal import TensorBytes
package import VARModel
package import VARQuant

/// A tensor of a conversion: what it is, where it comes from, and how it will be stored.
package struct PlannedTensor: Sendable {
  /// Name, shapes and role.
  package let specification: TensorSpecification
  /// Its name, shape and format in the `.varq` file.
  package let target: TensorPlan
  /// Why the format is not that of the recipe's table, where it isn't.
  package let note: String?
  let source: SourceTensor

  /// Number of elements.
  package var elementCount: Int { source.tensor.elementCount }
  /// Bytes in the source.
  package var sourceByteCount: Int { source.tensor.byteCount }
  /// Type of the elements in the source, in the spelling of safetensors.
  package var sourceType: String { source.tensor.type.rawValue }
  /// Bytes in the `.varq` file.
  package var targetByteCount: Int {
    target.format.byteCount(elements: elementCount)
  }
  /// Bytes in f32.
  package var fullByteCount: Int { 4 * elementCount }
}

/// Everything that is decided before the first byte is written.
///
/// Making one reads all weights once: their range decides whether a format can hold them, and a NaN
/// or an infinity is refused here.
package struct ConversionPlan: Sendable {
  /// The shape of the model.
  package let configuration: ModelConfiguration
  /// All tensors in the order of the file.
  package let tensors: [PlannedTensor]
  /// The metadata of the file.
  package let metadata: Metadata

  /// Plans a conversion.
  /// - Parameters:
  ///   - model: the source checkpoints, of which the configuration was inferred.
  ///   - recipe: chooses the formats.
  ///   - progress: is told about the tensors that were examined.
  /// - Throws: ``ConversionError``, ``RecipeError``, errors of the checkpoints.
  package init(
    _ model: SourceModel, recipe: ConversionRecipe,
    progress: (ConversionProgress) -> Void = { _ in }
  ) throws {
    configuration = model.configuration
    let specifications = model.bindings.map(\.specification)
    for override in recipe.overrides where !specifications.contains(where: override.matches) {
      throw RecipeError.unmatched(override: override.text)
    }
    var tracker = ConversionProgress(
      phase: .examining, total: model.bindings.reduce(0) { $0 + $1.tensor.elementCount })
    tensors = try model.bindings.map { binding in
      tracker.tensor = binding.specification.name
      progress(tracker)
      tracker.done += binding.tensor.elementCount
      return try Self.plan(binding, recipe)
    }
    progress(tracker)
    metadata = try Self.metadata(model, recipe)
  }

  private static func plan(
    _ binding: SourceModel.Binding, _ recipe: ConversionRecipe
  ) throws -> PlannedTensor {
    let specification = binding.specification
    let source = SourceTensor(checkpoint: binding.checkpoint, tensor: binding.tensor)
    guard let maximum = try source.maximum() else {
      throw ConversionError.notFinite(path: source.checkpoint.path, tensor: source.tensor.name)
    }
    let choice = try recipe.choice(for: specification, maximum: maximum)
    return PlannedTensor(
      specification: specification,
      target: TensorPlan(
        name: specification.name, format: choice.format, shape: specification.storedShape),
      note: note(choice, maximum), source: source)
  }

  private static func note(_ choice: FormatChoice, _ maximum: Float) -> String? {
    switch choice.reason {
    case .table: nil
    case .override(let text): text
    case .range: "values up to \(maximum) are outside the range of the chosen format"
    case .shape: "the shape does not suit the chosen format"
    }
  }

  private static func metadata(_ model: SourceModel, _ recipe: ConversionRecipe) throws -> Metadata
  {
    var metadata = model.configuration.metadata
    metadata["convert.version"] = .string("var-convert " + Version.current)
    metadata["convert.recipe"] = .string(recipe.format.name)
    metadata["convert.overrides"] = .stringList(recipe.overrides.map(\.text))
    let files = model.sourceFiles
    metadata["source.roles"] = .stringList(files.map(\.role))
    metadata["source.sha256"] = .stringList(
      try files.map { SHA256Digest.hex(try SHA256Digest.digest(of: $0.file)) })
    return metadata
  }

  /// The size that the file will have.
  package func fileSize() throws -> Int {
    try VarqWriter.fileSize(metadata: metadata, tensors: tensors.map(\.target))
  }
}
