internal import SafetensorsIO
internal import TensorBytes
internal import VARModel
package import VARQuant

/// What was found about one tensor of a `.varq` file.
public struct TensorVerdict: Sendable {
  /// Its name.
  public let name: String
  /// Its format.
  package let format: TensorFormat
  /// What is wrong with its bytes.
  package let defect: ContentDefect?
  /// Its distance to the source, if that was given.
  package let statistics: QuantizationStatistics?
  /// Whether the distance is within the format's limit, or there is no source to compare with.
  public let isClose: Bool

  /// What is wrong with its bytes, in words; nil for nothing.
  public var problem: String? { defect.map { "\($0)" } }
  /// Signal-to-quantization-noise ratio against the source in dB, if that was given.
  public var ratio: Double? { statistics?.sqnr }
  /// Whether nothing is wrong.
  public var isSound: Bool { defect == nil && isClose }
}

/// Checks the content of a `.varq` file, by itself and against the checkpoints it came from.
public struct Verifier {
  private let file: VarqFile
  private let sources: [String: SourceModel.Binding]
  private let biases: Set<String>

  /// Opens a file for its check.
  /// - Parameters:
  ///   - path: of the `.varq` file.
  ///   - checkpoints: paths of checkpoints to compare with, recognised by their content.
  ///   - root: the part of the checkpoints that holds the model; nil to find it.
  /// - Throws: an error that says why the file is no model, or what is wrong with a checkpoint.
  public init(_ path: String, against checkpoints: [String] = [], root: String? = nil) throws {
    try self.init(VarqFile(path), against: checkpoints, root: root)
  }

  /// Prepares the check of a file.
  /// - Parameters:
  ///   - paths: checkpoints to compare with, recognised by their content.
  ///   - root: the part of them that holds the model; nil to find it.
  /// - Throws: errors of `ModelFile`, since no reader accepts a file that is no model, and of the
  ///   checkpoints.
  package init(_ file: VarqFile, against paths: [String] = [], root: String? = nil) throws {
    self.file = file
    var sources: [String: SourceModel.Binding] = [:]
    let model = try ModelFile(file)
    biases = Set(model.tensors.filter { $0.specification.role == .bias }.map { $0.tensor.name })
    var options = ConversionOptions(model.configuration)
    options.root = root
    for path in paths {
      let model = try SourceModel.recognize(others: [Checkpoint.open(path)], options: options)
      for binding in model.bindings { sources[binding.specification.name] = binding }
    }
    self.sources = sources
  }

  /// Reads and checks every tensor, in the order of the file.
  /// - Throws: where the file or a checkpoint cannot be read; what is wrong is in the verdicts.
  public func verdicts(
    progress: (ConversionProgress) -> Void = { _ in }
  ) throws -> [TensorVerdict] {
    var tracker = ConversionProgress(
      phase: .verifying, total: file.tensors.reduce(0) { $0 + $1.count })
    return try file.tensors.map { tensor in
      tracker.tensor = tensor.name
      progress(tracker)
      tracker.done += tensor.count
      let defect = try file.defect(of: tensor)
      let statistics = try sources[tensor.name].map { try compare(tensor, $0) }
      file.file.release(tensor.bytes)
      return TensorVerdict(
        name: tensor.name, format: tensor.format, defect: defect, statistics: statistics,
        isClose: statistics.map { isClose($0, tensor) } ?? true)
    }
  }

  /// Biases that a calibration has corrected are meant to differ from the source.
  private func isClose(_ statistics: QuantizationStatistics, _ tensor: VarqTensor) -> Bool {
    let isCorrected = file.metadata["convert.calibration"] != nil && biases.contains(tensor.name)
    return isCorrected || statistics.sqnr >= tensor.format.accuracy.leastSQNR
  }

  private func compare(
    _ tensor: VarqTensor, _ source: SourceModel.Binding
  ) throws -> QuantizationStatistics {
    // As in two models of other widths.
    guard tensor.shape == source.specification.storedShape else {
      throw ModelFileError(
        path: file.path, tensor: tensor.name,
        problem: .shape(expected: source.specification.storedShape, actual: tensor.shape))
    }
    var statistics = QuantizationStatistics()
    var row = 0
    try unsafe source.source.forEachPiece { values in
      let rows = row..<row + values.count / max(1, source.source.columns)
      statistics.add(unsafe Array(values), try tensor.matrix.floats(rows: rows))
      row = rows.upperBound
    }
    return statistics
  }
}

extension ConversionOptions {
  /// What tensors could not tell, out of a configuration.
  init(_ configuration: ModelConfiguration) {
    let heads =
      configuration.transformer?.attention == .plain ? configuration.transformer?.heads : nil
    self.init(
      patchNumbers: (configuration.tokenizer?.patchNumbers)
        ?? configuration.transformer?.patchNumbers,
      heads: heads, phiRatio: configuration.tokenizer?.phiRatio ?? 0.5,
      zNormalized: configuration.tokenizer?.zNormalized ?? false)
  }
}
