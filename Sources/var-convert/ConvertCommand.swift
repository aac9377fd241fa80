import ArgumentParser
import CommandSupport
import Foundation
import TensorBytes
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

      FORMATS
      \(ConversionRecipe.table.map { "  \($0.tensors): \($0.choice.text)" }.joined(separator: "\n"))

      EXAMPLES
        var-convert convert --var var_d16.pth --vae vae.pth --output d16.varq
        var-convert convert ar-ckpt-last.pth --output mine.varq --class-names c.txt
        var-convert convert --var var.pth --vae vae.pth --output f16.varq --type f16
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
      "Format of the large matrices and convolutions: \(TensorFormat.names).",
      valueName: "type"),
    completion: .list(TensorFormat.allCases.map(\.name)))
  var type = "q8"

  @Option(
    name: .customLong("tensor-type"),
    help: ArgumentHelp(
      "Format of the tensors whose name a regular expression matches; the last match wins.",
      valueName: "regex=type"))
  var tensorTypes: [String] = []

  @Option(
    help: ArgumentHelp(
      "Names of the classes, one a line; a model of 1000 classes gets ImageNet's by default.",
      valueName: "file"),
    completion: .file())
  var classNames: String?

  @Flag(help: "Print what would be written, and write nothing.")
  var dryRun = false

  @Flag(name: .shortAndLong, help: "Replace the output if it exists.")
  var force = false

  @Flag(help: "Print the plan and what it has cost as JSON.")
  var json = false

  mutating func validate() throws {
    try sources.validate()
    do { _ = try recipe() } catch { throw ValidationError("\(error)") }
    if output == nil && !dryRun { throw ValidationError("--output is needed") }
    if let output, output.isEmpty || Console.outputPath(output) == "-" {
      throw ValidationError("--output needs a file: a .varq file is not written as a stream")
    }
    if let output, sources.paths.contains(where: { Self.isSameFile($0, output) }) {
      throw ValidationError("--output \(output) is one of the checkpoints")
    }
  }

  func run() throws { try advising(convert) }

  private func convert() throws {
    let start = ContinuousClock.now
    // Whatever is wrong with the target shows before all weights are read.
    if let output, !dryRun { try AtomicFileWriter(output, replacing: force).abandon() }
    var model = try sources.open()
    try model.nameClasses(from: classNames)
    let line = ProgressLine()
    let survey = try Survey(model, hashing: !dryRun) { line.show($0) }
    line.clear()
    let plan = try ConversionPlan(model, survey, recipe())
    guard !dryRun, let output else {
      return json ? try Console.print(json: ConversionFacts(plan, [])) : try printPlan(plan)
    }
    let report = try Converter(plan).write(to: output, replacing: force) { line.show($0) }
    line.clear()
    if json { return try Console.print(json: ConversionFacts(plan, report.statistics)) }
    try printSummary(report, output, (ContinuousClock.now - start).seconds)
  }

  private func recipe() throws -> ConversionRecipe {
    try ConversionRecipe(type: type, overrides: tensorTypes)
  }

  private static func isSameFile(_ first: String, _ second: String) -> Bool {
    URL(filePath: first).resolvingSymlinksInPath()
      == URL(filePath: second).resolvingSymlinksInPath()
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
    print(table.text)
    print("\n" + Summary.formats(plan))
    print(Summary.sizes(plan, fileSize: try plan.fileSize()))
    print("Nothing was written (--dry-run).")
  }

  private func printSummary(_ report: ConversionReport, _ output: String, _ seconds: Double) throws
  {
    print(Summary.formats(report.plan))
    for tensor in report.plan.tensors where tensor.note != nil {
      print("\(tensor.target.name) is \(tensor.target.format.name): \(tensor.note ?? "")")
    }
    let worst = report.worst(5)
    if !worst.isEmpty {
      var table = TextTable(["least SQNR", "dB", "format"])
      for tensor in worst {
        table.add([tensor.name, Format.fixed(tensor.sqnr, 1), tensor.format.name])
      }
      print("\n" + table.text)
    }
    let rate = Double(report.plan.sourceByteCount) / max(seconds, 1e-3)
    print("\n" + Summary.sizes(report.plan, fileSize: try report.plan.fileSize()))
    print(
      "Wrote \(output) in \(Format.duration(seconds)) (\(Format.bytes(Int(rate)))/s of weights), "
        + "peak memory \(Format.bytes(ProcessFacts.peakResidentBytes)).")
  }
}

extension ConversionRecipe.Choice {
  /// What a row of the recipe's table gives, in words.
  fileprivate var text: String {
    switch self {
    case .chosen: "as chosen by --type"
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
