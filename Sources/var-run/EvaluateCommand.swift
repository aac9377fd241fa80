import ArgumentParser
import CommandSupport
import Foundation
import TensorBytes
import VAR
import VARCompute
import VARCore
import VAREvaluation
import VARImages
import VARModel

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
        var-run evaluate imagenet/val --ignore-orientation --skip-unreadable
        var-run evaluate images/ --report evaluation.html
      """)

  @OptionGroup var data: DataSetArguments

  @Flag(help: "Leave out images that cannot be read, name them and count them.")
  var skipUnreadable = false

  @Option(
    name: [.short, .long], help: ArgumentHelp("Write the figures as JSON.", valueName: "file"),
    completion: .file(extensions: ["json"]), transform: Console.outputPath)
  var output: String?

  @Flag(help: "Print the figures as JSON.")
  var json = false

  @OptionGroup var report: ReportOption

  @OptionGroup var force: ForceOption

  @OptionGroup(title: "Model") var model: ModelOptions

  func validate() throws {
    try OutputKind.json.check(output, json: json)
    try report.check(json: json)
  }

  func run() throws {
    let clock = ContinuousClock.now
    let model = try model.open()
    let images = try data.list(needsLabels: true, model.configuration)
    let outputs = force.outputs(reading: [model.path] + data.files(images))
    let file = try output.map { try outputs.file($0) }
    let page = try self.report.path.map { try outputs.file($0) }
    let context = try self.model.context()
    let journal = try file.flatMap { $0.isStandardOutput ? nil : $0.path + ".partial" }.map {
      try EvaluationJournal(outputs.journal($0), settings: settings(model, context))
    }
    let evaluator = try Evaluator(model, context)
    let codec = try ImageCodec(model, context)
    let (report, scored) = try measure(images.items, evaluator, codec, journal)
    try file?.write(Console.json(report))
    if let page {
      try page.write(
        EvaluationPage(
          model: model.path.fileName, mode: context.mode.rawValue, report: report,
          scores: scored.map { .init(name: $0.item.name, label: $0.item.label, score: $0.score) },
          worst: worst(scored, codec), name: model.configuration.title
        ).html())
    }
    journal?.remove()
    if json { return try Console.print(json: report) }
    try Console.print(
      report.lines(seconds: (ContinuousClock.now - clock) / .seconds(1)),
      aside: output == "-" || self.report.isStandardOutput)
  }

  /// What decides the scores, besides the pictures and their labels.
  private func settings(_ model: Model, _ context: Compute) throws -> [String] {
    [
      model.checksumText, context.mode.rawValue, context.level.rawValue, data.fit.fit.rawValue,
      try data.labels.map { try EvaluationJournal.digest($0) } ?? "folders",
      URL(filePath: data.images).standardizedFileURL.path(percentEncoded: true),
    ] + (data.ignoreOrientation ? ["orientation ignored"] : [])
  }

  private typealias Scored = (item: LabelledImages.Item, score: ImageScore)

  private func measure(
    _ images: [LabelledImages.Item], _ evaluator: Evaluator, _ codec: ImageCodec,
    _ journal: EvaluationJournal?
  ) throws -> (EvaluationReport, [Scored]) {
    var report = EvaluationReport(patchNumbers: codec.patchNumbers, maySkip: skipUnreadable)
    var scored: [Scored] = []
    let progress = ProgressLine()
    for (index, item) in images.enumerated() {
      progress.update(
        Double(index) / Double(images.count), "\(index) of \(images.count) images done")
      let score: ImageScore
      if let known = try journal?.score(of: item) {
        score = known
      } else {
        let image: Image
        do {
          image = try data.load(item, side: codec.side)
        } catch {
          guard skipUnreadable, Self.isUnreadable(error) else { throw error }
          progress.clear()
          Console.note("skipped: \(error)")
          report.skip(item.name)
          continue
        }
        let tokens = try codec.encode(image).tokens
        score = try evaluator.scores(of: [tokens], labels: [item.label])[0]
        try journal?.add(score, of: item)
      }
      try report.add(score)
      scored.append((item, score))
    }
    progress.clear()
    if report.images == 0 { throw LabelError.noneReadable(count: images.count) }
    return (report, scored)
  }

  /// The images of the largest loss, to be looked at.
  private func worst(_ scored: [Scored], _ codec: ImageCodec) throws -> [EvaluationPage.Shown] {
    try scored.sorted { $0.score.loss > $1.score.loss }.prefix(4).map { item, score in
      let image = try data.load(item, side: codec.side)
      let features = try codec.features(of: codec.encode(image).tokens)
      return EvaluationPage.Shown(
        scored: .init(name: item.name, label: item.label, score: score), original: image,
        rebuilt: try codec.decode(features))
    }
  }

  /// Whether an error is about a picture, and not about the model or the journal.
  private static func isUnreadable(_ error: any Error) -> Bool {
    error is FileError || error is ImageError || error is PictureError
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
    let left = skipped.map { "; \(Format.count($0.count, "image")) skipped" } ?? ""
    return [
      table.text, "\(Format.count(images, "image")) in \(Format.duration(seconds))\(left)",
    ]
  }
}
