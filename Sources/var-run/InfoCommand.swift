import ArgumentParser
import CommandSupport
import VARCompute
import VARCore
import VARModel

struct InfoCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "info",
    abstract: "Describe a model, this machine, and the memory that a run would take.",
    discussion: """
      EXAMPLES:
        var-run info
        var-run info --model var-d16.varq --json
        var-run info --batch 4
        var-run info --classes
      """)

  @Flag(help: "List the names of the classes.")
  var classes = false

  @Option(help: "Images that are generated together, for the memory that they take.")
  var batch = 1

  @Flag(help: "Print JSON.")
  var json = false

  @OptionGroup(title: "Model") var model: ModelOptions

  func validate() throws {
    guard (1...256).contains(batch) else { throw ValidationError("--batch must be 1 to 256.") }
  }

  func run() throws {
    let model = try model.open()
    if classes { return try listClasses(model.configuration) }
    let report = try InfoReport(model, self.model.context(), batch: batch)
    if json { try Console.print(json: report) } else { try Console.print(report.lines) }
  }

  private func listClasses(_ configuration: ModelConfiguration) throws {
    if json { return try Console.print(json: configuration.classNames) }
    guard !configuration.classNames.isEmpty else {
      let count = configuration.transformer?.classes ?? 0
      return try Console.print(["\(count) classes, without names"])
    }
    try Console.print(configuration.classNames.enumerated().map { "\($0.offset)  \($0.element)" })
  }
}
