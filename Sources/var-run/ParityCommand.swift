import ArgumentParser
import CommandSupport
import TensorBytes
import VAREvaluation

struct ParityCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "parity",
    abstract: "Compare every step of a run with one that PyTorch recorded.",
    discussion: """
      tools/dump_reference.py records a run of the official code. Its tokens are replayed and every \
      recorded tensor is compared; then the run is repeated freely. The first tensor that goes \
      wrong is named, and the exit status is 1 when a limit is exceeded.

      EXAMPLES:
        var-run parity reference.safetensors --compute f32
        var-run parity reference.safetensors --model d16-q8.varq --compute bf16 --json
        var-run parity reference.safetensors --report parity.html
      """)

  @Argument(
    help: "What dump_reference.py wrote.", completion: .file(extensions: ["safetensors"]))
  var reference: String

  @Option(
    name: [.short, .long], help: ArgumentHelp("Write the comparison as JSON.", valueName: "file"),
    completion: .file(extensions: ["json"]), transform: Console.outputPath)
  var output: String?

  @Flag(help: "Print the comparison as JSON.")
  var json = false

  @OptionGroup var report: ReportOption

  @OptionGroup var force: ForceOption

  @OptionGroup(title: "Model") var model: ModelOptions

  func validate() throws {
    try OutputKind.json.check(output, json: json)
    try report.check(json: json)
  }

  func run() throws {
    let model = try model.open()
    let outputs = force.outputs(reading: [model.path, reference])
    let file = try output.map { try outputs.file($0) }
    let page = try self.report.path.map { try outputs.file($0) }
    let compute = try self.model.context()
    let runs = try ReferenceDump.runs(reference)
    let report = ParityReports(try runs.map { try ParityRun(model, compute, $0).run() })
    try file?.write(Console.json(report))
    try page?.write(
      ParityPage(report, reference: reference.fileName, model: model.path.fileName).html)
    if json {
      try Console.print(json: report)
    } else {
      try Console.print(report.lines, aside: output == "-" || self.report.isStandardOutput)
    }
    if !report.passed { throw ExitCode.failure }
  }
}
