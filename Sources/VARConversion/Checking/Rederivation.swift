internal import SafetensorsIO
internal import TensorBytes
package import VARModel
internal import VARQuant

/// Makes a `.varq` file once more from its sources and the recipe that it records, and compares.
///
/// The plan is the converter's, and so is what encodes the tensors; nothing is written.
package struct Rederivation {
  /// The file.
  package let file: ModelFile
  /// The sources.
  package let source: SourceModel
  /// What a conversion of them by the recorded recipe would write.
  package let plan: ConversionPlan
  /// Whether the file says how its formats were chosen; if not, only limits can be held.
  package let hasRecipe: Bool
  /// SHA-256 of the source files that the file records, and of those that were given.
  package let recorded: [String]
  package let given: [String]

  /// Whether the sources are the recorded ones.
  package var isSameSource: Bool { recorded.sorted() == given.sorted() }
  /// Whether configuration and sources give the shape and settings that the file has; what is said
  /// to people, such as names of classes, is not part of it.
  package var isSameConfiguration: Bool {
    var (own, derived) = (file.configuration, plan.configuration)
    own.classNames = []
    derived.classNames = []
    return own == derived
  }

  /// Opens file and sources, and plans the conversion again.
  /// - Parameters:
  ///   - paths: the sources: checkpoints, or the `.varq` file that was converted once more.
  ///   - root: the part of them that holds the model; nil for the recorded one.
  /// - Throws: what is wrong with the file or a source.
  package init(
    _ path: String, against paths: [String], root: String? = nil,
    progress: (ConversionProgress) -> Void = { _ in }
  ) throws {
    let file = try ModelFile(path)
    let metadata = file.file.metadata
    source = try Self.open(paths, file, root: root ?? Self.text(metadata, "convert.root"))
    let survey = try Survey(source, progress: progress)
    if let recipe = try Self.recipe(metadata) {
      plan = try ConversionPlan(source, survey, recipe)
      hasRecipe = true
    } else {
      plan = ConversionPlan(source, survey, formatsOf: file.file)
      hasRecipe = false
    }
    if let former = source.former {
      let link = Self.list(metadata, Metadata.chainKey).last ?? ""
      recorded = [String(link.prefix { $0 != " " })]
      given = [SHA256Digest.hex(former.file.checksum)]
    } else {
      recorded =
        metadata[Metadata.chainKey] == nil ? Self.list(metadata, "source.sha256") : ["a .varq file"]
      given = try survey.digests?.values() ?? []
    }
    self.file = file
  }

  private static func open(
    _ paths: [String], _ file: ModelFile, root: String?
  ) throws -> SourceModel {
    if try paths.contains(where: { try VarqFile.isRecognized($0) }) {
      return try SourceModel.open(
        others: paths, options: .init(root: root, guidance: file.configuration.guidance))
    }
    var options = ConversionOptions(file.configuration)
    options.root = root
    options.guidance = file.configuration.transformer == nil ? nil : file.configuration.guidance
    do {
      return try SourceModel.open(others: paths, options: options)
    } catch ArchitectureError.halfTwice where paths.count == 2 {
      // As with --var and --vae, of files that hold both halves.
      return try SourceModel.open(transformer: paths[0], tokenizer: paths[1], options: options)
    }
  }

  /// The recorded recipe; nil where there is none, or none that this program knows.
  private static func recipe(_ metadata: Metadata) throws -> ConversionRecipe? {
    guard let text = text(metadata, "convert.recipe"),
      text.hasPrefix("{") || ConversionRecipe.types.contains(text)
    else { return nil }
    // The JSON has the overrides, too.
    if text.hasPrefix("{") { return try? ConversionRecipe(json: Array(text.utf8)) }
    return try ConversionRecipe(type: text, overrides: list(metadata, "convert.overrides"))
  }

  private static func text(_ metadata: Metadata, _ key: String) -> String? {
    if case .string(let text)? = metadata[key] { text } else { nil }
  }

  private static func list(_ metadata: Metadata, _ key: String) -> [String] {
    if case .stringList(let texts)? = metadata[key] { texts } else { [] }
  }

  /// The squared error of each tensor, as the file's calibration recorded it; nil where it didn't.
  private var recordedErrors: [Double]? {
    guard case .doubleList(let errors)? = file.file.metadata[Metadata.errorsKey],
      errors.count == file.file.tensors.count
    else { return nil }
    return errors
  }

  /// Weights that a calibration has made, and the biases that make up for them, with the weight's
  /// name and the first of its rows that each is for.
  package struct Calibrated: Sendable {
    let weights: Set<String>
    let biases: [String: (weight: String, first: Int)]

    /// Names them.
    package init(
      weights: Set<String> = [], biases: [String: (weight: String, first: Int)] = [:]
    ) {
      self.weights = weights
      self.biases = biases
    }
  }

  /// Makes all tensors again, and compares each with the file's.
  /// - Parameters:
  ///   - calibration: the recorded one, run again; nil to hold `calibrated` to limits.
  ///   - calibrated: what the file's calibration has made.
  /// - Throws: where a file cannot be read, or the calibration fails.
  package func run(
    calibration: (any TensorCalibration)? = nil, calibrated: Calibrated = .init(),
    progress: (ConversionProgress) -> Void = { _ in }
  ) throws -> [RederivedTensor] {
    let compared = try Converter(plan).compare(
      with: file.file, calibration: calibration, progress: progress)
    let planned = Dictionary(
      uniqueKeysWithValues: zip(plan.tensors, compared.statistics).map { ($0.name, ($0, $1)) })
    let errors = recordedErrors
    var results = try file.file.tensors.enumerated().map { index, tensor -> RederivedTensor in
      var result = RederivedTensor(
        name: tensor.name, format: tensor.format, outcome: .same, count: tensor.count)
      guard let (plan, statistics) = planned[tensor.name], plan.shape == tensor.shape else {
        result.outcome = .missing
        return result
      }
      result.statistics = statistics
      if compared.same.contains(tensor.name) { return result }
      result.outcome = .changed
      if plan.target.format != tensor.format { result.planned = plan.target.format }
      try Differences(tensor, plan).fill(&result)
      let isCalibrated = calibration == nil && calibrated.weights.contains(tensor.name)
      if let excess = result.excess, result.planned == nil, isCalibrated || !hasRecipe {
        if isCalibrated, let errors, let noise = result.statistics?.noise {
          result.errorByRecord = noise == errors[index] ? 1 : noise / errors[index]
        }
        let limits = isCalibrated ? ClosenessLimits.calibrated(tensor.format) : .rounded
        if limits.admit(excess, byRecord: result.errorByRecord) { result.outcome = .close }
      }
      return result
    }
    guard calibration == nil else { return results }
    let places = Dictionary(uniqueKeysWithValues: results.indices.map { (results[$0].name, $0) })
    for (name, bias) in calibrated.biases {
      guard let place = places[name], results[place].outcome == .changed,
        results[place].planned == nil, let weight = places[bias.weight],
        let noise = results[weight].excess?.rowNoise, let change = try biasChange(name),
        bias.first + change.count <= noise.count
      else { continue }
      let isClose = change.enumerated().allSatisfy { index, change in
        abs(change) <= ClosenessLimits.bias * noise[bias.first + index].squareRoot()
      }
      if isClose { results[place].outcome = .close }
    }
    return results
  }

  /// What a bias differs from the source's by.
  private func biasChange(_ name: String) throws -> [Double]? {
    guard let stored = try file.file[name]?.floats(),
      let source = plan.tensors.first(where: { $0.name == name })?.source
    else { return nil }
    var values: [Float] = []
    try unsafe source.forEachPiece { unsafe values.append(contentsOf: $0) }
    guard values.count == stored.count else { return nil }
    return zip(stored, values).map { Double($0) - Double($1) }
  }
}

/// Where a tensor of a file differs from what its source gives, some rows at a time.
private struct Differences {
  private let tensor: VarqTensor
  private let plan: PlannedTensor

  init(_ tensor: VarqTensor, _ plan: PlannedTensor) {
    self.tensor = tensor
    self.plan = plan
  }

  func fill(_ result: inout RederivedTensor) throws {
    var statistics = QuantizationStatistics()
    var stored: [Double] = []
    var rounded: [Double] = []
    let columns = max(1, plan.source.columns)
    var first = 0
    var far = 0
    try unsafe plan.source.forEachPiece { values in
      let rows = first..<first + values.count / columns
      first = rows.upperBound
      let derived = try unsafe derive(UnsafeBufferPointer(values), columns)
      let own = try tensor.matrix.floats(rows: rows)
      for row in 0..<rows.count {
        var (noise, least) = (0.0, 0.0)
        for index in row * columns..<(row + 1) * columns {
          let value = unsafe values[index]
          if own[index].bitPattern != derived[index].bitPattern {
            result.changed += 1
            result.largest = max(result.largest, abs(own[index] - derived[index]))
          }
          let (error, other) = (Double(value - own[index]), Double(value - derived[index]))
          noise += error * error
          least += other * other
        }
        let row = row * columns..<(row + 1) * columns
        for block in row.pieces(of: 32) {
          let least = block.reduce(0.0) { sum, index in
            let error = unsafe Double(values[index] - derived[index])
            return sum + error * error
          }
          let limit = 27 * least / Double(block.count)
          far += block.count { index in
            let error = unsafe Double(values[index] - own[index])
            return error * error > limit
          }
        }
        stored.append(noise)
        rounded.append(least)
      }
      statistics.add(unsafe Array(values), own)
    }
    result.statistics = statistics
    result.excess = RoundingExcess(
      stored: stored, rounded: rounded, tail: Double(far) / Double(max(1, result.count)))
  }

  /// What the planned format makes of whole rows: each stands for itself in every format.
  private func derive(
    _ values: UnsafeBufferPointer<Float>, _ columns: Int
  ) throws -> [Float] {
    let format = plan.target.format
    let rows = values.count / columns
    var encoder = TensorEncoder(format, shape: [rows, columns])
    var bytes: [UInt8] = []
    try unsafe encoder.encode(values) { unsafe bytes.append(contentsOf: $0) }
    try unsafe encoder.finish { unsafe bytes.append(contentsOf: $0) }
    return try WeightMatrix(
      format: format, rows: rows, columns: columns, file: MappedFile(bytes, named: tensor.name),
      offset: 0)?.floats() ?? []
  }
}
