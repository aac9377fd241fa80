import ArgumentParser
import CommandSupport
import TensorBytes
import VAREvaluation

struct ScalingCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "scaling",
    abstract: "Fit scaling laws to the evaluations of a family of models.",
    discussion: """
      Each file is the JSON of evaluate with a member "scaling": name, parameters (without embeddings and head), \
      training_flop and, where it is known, the way there. tools/train_scaling.py writes such files.

      EXAMPLES:
        var-run scaling models/scaling/*.json --report scaling.html --chart scaling.svg
      """)

  @Argument(
    help: ArgumentHelp("Evaluations, three at least.", valueName: "evaluation"),
    completion: .file(extensions: ["json"]))
  var evaluations: [String]

  @Flag(help: "Print the laws as JSON.")
  var json = false

  @Option(
    help: ArgumentHelp(
      "Write the figure of L and Err against parameters as SVG.", valueName: "file"),
    completion: .file(extensions: ["svg"]), transform: Console.outputPath)
  var chart: String?

  @OptionGroup var report: ReportOption

  @OptionGroup var force: ForceOption

  func validate() throws {
    try report.check(json: json)
    if chart == "-", json || report.isStandardOutput {
      throw ValidationError("Only one thing can be written to the standard output (-).")
    }
  }

  func run() throws {
    let study = try ScalingStudy(evaluations)
    let outputs = force.outputs(reading: evaluations)
    let page = try report.path.map { try outputs.file($0) }
    let figure = try chart.map { try outputs.file($0) }
    try figure?.write(Array(ScalingPage(study).chart("parameters").file.utf8) + [0x0a])
    try page?.write(ScalingPage(study).html)
    if json { return try Console.print(json: study.laws.map(LawReport.init)) }
    try Console.print(
      lines(study), aside: report.isStandardOutput || figure?.isStandardOutput == true)
  }

  private func lines(_ study: ScalingStudy) -> [String] {
    var members = TextTable(["model", "parameters", "L last", "L all", "Err last", "Err all"])
    for member in study.members {
      members.add([
        member.scaling.name, Format.fixed(member.scaling.parameters, 0),
        Format.fixed(member.lossTail, 4), Format.fixed(member.lossMean, 4),
        Format.fixed(member.errorTail, 4), Format.fixed(member.errorMean, 4),
      ])
    }
    var laws = TextTable(ScalingPage.header)
    for law in study.laws { laws.add(ScalingPage.row(law)) }
    return [members.text, "", laws.text]
  }
}

/// A law as JSON.
private struct LawReport: Encodable {
  let name: String
  let against: String
  let exponent: Double
  let exponentMargin: Double
  let factor: Double
  let correlation: Double
  let points: Int
  let predicted: Double?
  let predictedLow: Double?
  let predictedHigh: Double?
  let measured: Double?

  init(_ law: ScalingStudy.Law) {
    name = law.name
    against = law.against
    exponent = law.fit.exponent
    exponentMargin = law.fit.exponentMargin
    factor = law.fit.factor
    correlation = law.fit.correlation
    points = law.fit.count
    predicted = law.held?.predicted
    predictedLow = law.held?.interval.lowerBound
    predictedHigh = law.held?.interval.upperBound
    measured = law.held?.measured
  }
}
