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
        var-run info --classes
      """)

  @Flag(help: "List the names of the classes.")
  var classes = false

  @Flag(help: "Print JSON.")
  var json = false

  @OptionGroup(title: "Model") var model: ModelOptions

  func run() throws {
    let model = try model.open()
    if classes { return try listClasses(model.configuration) }
    let report = InfoReport(model, try self.model.context())
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
