import ArgumentParser
import CommandSupport
import VARConversion

/// How large a file may be, or what it may lose, instead of a type.
struct SearchArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The best file of at most this size: 240MB, 1.1GB, 220MiB.", valueName: "size"),
    transform: ByteSize.init)
  var targetSize: ByteSize?

  @Option(
    name: .customLong("max-kl"),
    help: ArgumentHelp(
      "The smallest file whose predictions differ by at most this mean KL divergence, in nats a token.",
      valueName: "nats"))
  var maximumDivergence: Double?

  @Option(
    help: ArgumentHelp(
      "What formats cost, as the command sensitivity prints it; by default as measured on the demo model.",
      valueName: "file"),
    completion: .file(extensions: ["json"]))
  var sensitivity: String?

  func validate() throws {
    if let maximumDivergence, !(maximumDivergence > 0 && maximumDivergence.isFinite) {
      throw ValidationError("--max-kl must be a positive number, such as 2e-3")
    }
    if sensitivity != nil && goal == nil {
      throw ValidationError("--sensitivity needs --target-size or --max-kl")
    }
  }

  private var goal: RecipeSearch.Goal? {
    targetSize.map { .size($0.bytes) } ?? maximumDivergence.map { .divergence($0) }
  }

  /// The best recipe, of which it says what is expected; nil if none is searched for.
  /// - Parameter isCalibrated: whether few bits will be calibrated.
  func best(
    _ model: SourceModel, _ survey: Survey, calibrated isCalibrated: Bool,
    overrides: [FormatOverride]
  ) throws -> RecipeSearch.Candidate? {
    guard let goal else { return nil }
    let table =
      try sensitivity.map { try SensitivityTable(contentsOf: $0) }
      ?? .study(calibrated: isCalibrated)
    let best = try RecipeSearch(model, survey, table, overrides: overrides).best(for: goal)
    let origin =
      sensitivity ?? "the demo model's sensitivity (--sensitivity takes this model's own)"
    Console.note(
      "chosen by \(origin): \(Format.bytes(best.fileSize)), predicted KL divergence "
        + "\(Format.scientific(best.divergence)) nats a token, pictures "
        + "\(Format.fixed(best.pictureRatio, 1)) dB")
    if table.isCalibrated != isCalibrated {
      Console.note(
        "note: the table was measured \(table.isCalibrated ? "with" : "without") calibration")
    }
    return best
  }
}

/// A number of bytes as people write it.
struct ByteSize {
  /// As it was written.
  let text: String
  /// The number.
  let bytes: Int

  private static let units: [(name: String, bytes: Double)] = [
    ("kib", 1024), ("mib", 1_048_576), ("gib", 1_073_741_824), ("kb", 1e3), ("mb", 1e6),
    ("gb", 1e9), ("k", 1e3), ("m", 1e6), ("g", 1e9), ("b", 1), ("", 1),
  ]

  init(_ text: String) throws {
    let lowered = text.lowercased()
    guard let unit = Self.units.first(where: { lowered.hasSuffix($0.name) }),
      let number = Double(lowered.dropLast(unit.name.count).filter { $0 != " " }),
      number * unit.bytes >= 1, number * unit.bytes < 1e18
    else { throw ValidationError("'\(text)' is not a size such as 240MB, 1.1GB or 220MiB") }
    self.text = text
    bytes = Int(number * unit.bytes)
  }
}
