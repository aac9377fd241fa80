import ArgumentParser
import CommandSupport
import TensorBytes
import VARCalibration
import VARConversion
import VARModel
import VARQuant

struct ConvertCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert",
    abstract: "Convert checkpoints into a .varq file.",
    discussion: """
      Reads what torch.save wrote (zip or legacy) and safetensors, one file or \
      an index of shards; the kind is told by content. Either half alone makes a \
      file, too. Patterns of --tensor-type match any part of a name in the .varq \
      file, where the transformer's begin with var. and the VQ-VAE's with vae., or \
      of the official name.

      A .varq file of f32, f16, bf16 and q8 may take the checkpoints' place.

      FORMATS
      \(ConversionRecipe.table.map { "  \($0.tensors): \($0.choice.text)" }.joined(separator: "\n"))

      EXAMPLES
        var-convert convert --var var_d16.pth --vae vae.pth --output d16.varq
        var-convert convert ar-ckpt-last.pth --output mine.varq --class-names c.txt
        var-convert convert --var var.pth --vae vae.pth --output f16.varq --type f16
        var-convert convert --var var.pth --vae vae.pth --output s.varq --target-size 240MB
        var-convert convert d16.varq --type mix4.25 --output small.varq
        var-convert convert --var var.pth --vae vae.pth --dry-run \\
          --tensor-type '^var\\.head\\.weight$=f16'
      """)

  @OptionGroup var sources: SourceOptions

  @Option(
    name: .shortAndLong, help: ArgumentHelp("The .varq file to write.", valueName: "file"),
    completion: .file(extensions: ["varq"]))
  var output: String?

  @Option(
    help: ArgumentHelp(
      "Format of the large matrices and convolutions, or a mix of several: \(ConversionRecipe.types.joined(separator: ", ")). (default: q8)",
      valueName: "type"),
    completion: .list(ConversionRecipe.types))
  var type: String?

  @Option(
    help: ArgumentHelp(
      "Formats of the large matrices and convolutions from a file, as --dry-run --json prints them.",
      valueName: "file"),
    completion: .file(extensions: ["json"]))
  var recipe: String?

  @Option(
    name: .customLong("tensor-type"),
    help: ArgumentHelp(
      "Format of the tensors whose name a regular expression matches; the last match wins.",
      valueName: "regex=type"))
  var tensorTypes: [String] = []

  @OptionGroup(title: "Choosing by size or loss") var search: SearchArguments

  @OptionGroup(title: "Calibration") var calibration: CalibrationArguments

  @Option(
    help: ArgumentHelp(
      "Names of the classes, one a line; a model of 1000 classes gets ImageNet's by default.",
      valueName: "file"),
    completion: .file())
  var classNames: String?

  @Flag(help: "Convert no weights that look damaged: all zeros, constant rows, stray values.")
  var strict = false

  @Flag(help: "Print what would be written, and write nothing.")
  var dryRun = false

  @Flag(name: .shortAndLong, help: "Replace the output if it exists.")
  var force = false

  @Flag(help: "Print the plan and what it has cost as JSON.")
  var json = false

  mutating func validate() throws {
    try sources.validate()
    try calibration.validate()
    if [type, recipe, search.targetSize?.text, search.maximumDivergence.map { "\($0)" }]
      .compactMap(\.self).count > 1
    {
      throw ValidationError("--type, --recipe, --target-size and --max-kl exclude each other")
    }
    try search.validate()
    do { if recipe == nil { _ = try givenRecipe() } } catch { throw ValidationError("\(error)") }
    if output == nil && !dryRun { throw ValidationError("--output is needed") }
    if let output, output.isEmpty || Console.outputPath(output) == "-" {
      throw ValidationError("--output needs a file: a .varq file is not written as a stream")
    }
  }

  func run() throws {
    let start = ContinuousClock.now
    var model = try sources.open()
    // Whatever is wrong with the target shows before all weights are read.
    let given = try givenRecipe()
    try model.nameClasses(from: classNames)
    let file = try target(of: model)
    let line = ProgressLine()
    let survey = try Survey(model, hashing: !dryRun) { line.show($0) }
    line.clear()
    try warn(of: survey.warnings)
    let chosen = try search.best(
      model, survey, calibrated: calibration.calibrate != "none", overrides: given.overrides)
    let plan = try ConversionPlan(model, survey, chosen?.recipe ?? given)
    guard let file else {
      return json ? try Console.print(json: ConversionFacts(plan, [])) : try printPlan(plan)
    }
    let calibrationLine = ProgressLine()
    let calibrator = try calibration.calibrator(
      plan, of: model, beside: file, isExpected: chosen != nil, calibrationLine)
    let report = try Converter(plan).write(to: file, calibration: calibrator) {
      if calibrator == nil { line.show($0) }
    }
    line.clear()
    calibrationLine.clear()
    for name in calibrator?.fallbacks ?? [] {
      Console.note(
        "note: \(name) could not be calibrated (its inputs are too much alike): "
          + "searched scales alone")
    }
    if let former = model.former { note(former.file) }
    if json { return try Console.print(json: ConversionFacts(plan, report.statistics)) }
    try printSummary(report, file.path, (ContinuousClock.now - start) / .seconds(1))
  }

  /// Weights that look damaged are converted with a warning, unless --strict forbids it.
  private func warn(of warnings: [String]) throws {
    if strict && !warnings.isEmpty { throw ConversionError.oddWeights(warnings) }
    for warning in warnings.prefix(10) { Console.note("warning: \(warning); is the file whole?") }
    if warnings.count > 10 { Console.note("warning: \(warnings.count - 10) more such tensors") }
  }

  /// What --type or --recipe name; without them, and to keep the overrides of a search, q8.
  private func givenRecipe() throws -> ConversionRecipe {
    if let recipe { return try ConversionRecipe(contentsOf: recipe, overrides: tensorTypes) }
    return try ConversionRecipe(type: type ?? "q8", overrides: tensorTypes)
  }

  /// What a source that was rounded before costs.
  private func note(_ former: VarqFile) {
    let rounded = TensorFormat.allCases.filter { format in
      format != .f32 && former.tensors.contains { $0.format == format }
    }
    guard !rounded.isEmpty else { return }
    let list = rounded.map { format in
      let count = former.tensors.count { $0.format == format }
      return "\(Format.count(count, "tensor")) in \(format.name) (about "
        + "\(Format.fixed(format.accuracy.typicalSQNR, 0)) dB)"
    }
    Console.note(
      "note: \(former.path) has \(list.joined(separator: ", ")): what that cost stays in the file")
  }

  /// The file to write; nil for a dry run.
  private func target(of model: SourceModel) throws -> OutputFile? {
    guard let output, !dryRun else { return nil }
    let outputs = Outputs(
      reading: try model.sourceFiles.map(\.file.path) + [classNames].compactMap(\.self)
        + calibration.files(for: model),
      replacing: force ? .always : .never)
    return try outputs.file(output)
  }

  /// The plan of `--dry-run`: every tensor, then the sizes.
  private func printPlan(_ plan: ConversionPlan) throws {
    var table = TextTable(["tensor", "shape", "from", "to", "bytes", "note"])
    for tensor in plan.tensors {
      table.add([
        tensor.target.name, tensor.target.shape.map(String.init).joined(separator: "×"),
        tensor.sourceType.lowercased(), tensor.target.format.name,
        Format.bytes(tensor.targetByteCount), tensor.note ?? "",
      ])
    }
    try Console.print([
      table.text, "", Summary.formats(plan), Summary.sizes(plan, fileSize: try plan.fileSize()),
      "Nothing was written (--dry-run).",
    ])
  }

  private func printSummary(_ report: ConversionReport, _ output: String, _ seconds: Double) throws
  {
    var lines = [Summary.formats(report.plan)]
    lines += report.plan.tensors.filter { $0.note != nil }.map {
      "\($0.target.name) is \($0.target.format.name): \($0.note ?? "")"
    }
    let worst = report.worst(5)
    if !worst.isEmpty {
      var table = TextTable(["least SQNR", "dB", "format"])
      for tensor in worst {
        table.add([tensor.name, Format.fixed(tensor.sqnr, 1), tensor.format.name])
      }
      lines += ["", table.text]
    }
    let rate = Double(report.plan.sourceByteCount) / max(seconds, 1e-3)
    try Console.print(
      lines + [
        "", Summary.sizes(report.plan, fileSize: try report.plan.fileSize()),
        "Wrote \(output) in \(Format.duration(seconds)) (\(Format.bytes(Int(rate)))/s of weights), "
          + "peak memory \(Format.bytes(ProcessFacts.peakResidentBytes)).",
      ])
  }
}

extension ConversionRecipe.Choice {
  /// What a row of the recipe's table gives, in words.
  fileprivate var text: String {
    switch self {
    case .chosen: "as chosen by --type or --recipe"
    case .half: "f16 (f32 with --type f32)"
    case .full: "f32"
    }
  }
}

/// Lines that a dry run and a conversion have in common.
private enum Summary {
  static func formats(_ plan: ConversionPlan) -> String {
    var table = TextTable(["format", "tensors", "bytes"])
    for entry in plan.byFormat {
      table.add([entry.format.name, "\(entry.tensors)", Format.bytes(entry.bytes)])
    }
    return table.text
  }

  static func sizes(_ plan: ConversionPlan, fileSize: Int) -> String {
    let ratio = Double(fileSize) / Double(max(1, plan.fullByteCount))
    return "weights \(Format.bytes(plan.sourceByteCount)) → file \(Format.bytes(fileSize)), "
      + "\(Format.fixed(ratio, 3)) of their size in f32"
  }
}
