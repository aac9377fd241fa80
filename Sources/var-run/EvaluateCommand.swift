import ArgumentParser
import CommandSupport
import VAR
import VARCompute
import VARCore
import VAREvaluation

struct EvaluateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Measure how well a model predicts labelled images.",
    discussion: """
      The paper's validation: teacher-forced cross-entropy in nats (L) and the share of tokens that \
      are not the most probable ones (Err), over all scales and over the last.

      With --output, what is done is kept in FILE.partial; the same command goes on from there.

      EXAMPLES:
        var-run evaluate images/ --output evaluation.json
        var-run evaluate images/ --labels labels.csv --compute f32 --limit 500
      """)

  @OptionGroup var data: DataSetArguments

  @Option(
    name: [.short, .long], help: ArgumentHelp("Write the figures as JSON.", valueName: "file"),
    completion: .file(extensions: ["json"]), transform: Console.outputPath)
  var output: String?

  @Flag(help: "Print the figures as JSON.")
  var json = false

  @OptionGroup(title: "Model") var model: ModelOptions

  func validate() throws {
    if output == "-", json {
      throw ValidationError("--json prints to the standard output, which - already uses.")
    }
  }

  func run() throws {
    let clock = ContinuousClock.now
    let model = try model.open()
    try OutputCheck.check([output].compactMap(\.self), inputs: [model.path])
    let context = try self.model.context()
    let journal = try output.flatMap { $0 == "-" ? nil : $0 + ".partial" }.map {
      try EvaluationJournal(
        path: $0,
        heading: "\(model.checksumText) \(context.mode.rawValue) \(data.fit.fit.rawValue)")
    }
    let report = try measure(model, context, journal)
    if let output { try Console.write(Console.json(report), to: output) }
    try journal?.remove()
    if json { return try Console.print(json: report) }
    try Console.print(
      report.lines(seconds: (ContinuousClock.now - clock).seconds), aside: output == "-")
  }

  private func measure(
    _ model: Model, _ context: Compute, _ journal: EvaluationJournal?
  ) throws -> EvaluationReport {
    let images = try data.list(needsLabels: true, model.configuration).items
    let evaluator = try Evaluator(model, context)
    let codec = try ImageCodec(model, context)
    var report = EvaluationReport(patchNumbers: codec.patchNumbers)
    let progress = ProgressLine()
    for (index, item) in images.enumerated() {
      progress.update(
        Double(index) / Double(images.count), "\(index) of \(images.count) images done")
      if let score = journal?.score(of: item) {
        try report.add(score)
        continue
      }
      let tokens = try codec.encode(data.fit.load(item.path, side: codec.side)).tokens
      let score = try evaluator.scores(of: [tokens], labels: [item.label])[0]
      try journal?.add(score, of: item)
      try report.add(score)
    }
    progress.clear()
    return report
  }
}

extension EvaluationReport {
  /// The report as a table.
  func lines(seconds: Double) -> [String] {
    var table = TextTable(["scale", "side", "loss", "±", "error", "±"])
    func add(_ name: String, _ side: String, _ estimate: Estimate) {
      table.add([
        name, side, Format.fixed(estimate.loss.mean, 4),
        Format.fixed(estimate.loss.standardError, 4), Format.fixed(estimate.error.mean, 4),
        Format.fixed(estimate.error.standardError, 4),
      ])
    }
    for (scale, estimate) in perScale.enumerated() {
      add("\(scale)", "\(patchNumbers[scale])", estimate)
    }
    add("mean", "", mean)
    add("tail", "", tail)
    return [
      table.text, "\(Format.count(images, "image")) in \(Format.duration(seconds))",
    ]
  }
}
