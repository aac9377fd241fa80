import ArgumentParser
import CommandSupport
import TensorBytes
import VARCompute
import VARCore
import VAREvaluation
import VARImages
import VARModel

struct CompareCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare",
    abstract: "Measure what quantization changes: the divergence of two models' predictions.",
    discussion: """
      Both models predict the tokens of the same images; KL is the Kullback-Leibler divergence of \
      --model from --against, in nats a token. Images without classes are predicted without one.

      EXAMPLES:
        var-run compare --model d16-q8.varq --against d16-f32.varq images/
        var-run compare --model d16-q8.varq --against d16-q8.varq --compute int8 images/ --limit 100
        var-run compare --model d16-q4.varq --against d16-f32.varq images/ --report q4.html
      """)

  @OptionGroup var data: DataSetArguments

  @Option(
    help: ArgumentHelp("The model to compare with, computed in f32.", valueName: "file"),
    completion: .file(extensions: ["varq"]))
  var against: String

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
    let model = try self.model.open()
    let reference = try self.model.open(against)
    let images = try data.list(needsLabels: false, model.configuration)
    let outputs = force.outputs(reading: [model.path, reference.path] + data.files(images))
    let file = try output.map { try outputs.file($0) }
    let page = try report.path.map { try outputs.file($0) }
    let context = try self.model.context()
    let exact = context.with(mode: .f32)
    let comparison = try Comparison(model, context, against: reference, exact)
    let codec = try ImageCodec(reference, exact)
    let progress = ProgressLine()
    for (index, item) in images.items.enumerated() {
      progress.update(
        Double(index) / Double(images.items.count), "\(index) of \(images.items.count) images done")
      let tokens = try codec.encode(data.load(item, side: codec.side)).tokens
      try comparison.add(tokens, label: item.label)
    }
    progress.clear()
    try file?.write(Console.json(comparison.report))
    if let page {
      let drawn = try pictures(of: images.items.prefix(4).map(\.label), model, context, reference)
      try page.write(
        ComparisonPage(
          model: model.path.fileName, reference: reference.path.fileName,
          mode: context.mode.rawValue, report: comparison.report,
          weights: WeightComparison(model, against: reference), pictures: drawn
        ).html())
    }
    if json { return try Console.print(json: comparison.report) }
    try Console.print(comparison.report.lines, aside: output == "-" || report.isStandardOutput)
  }

  /// The same classes and seeds drawn by both models, as `generate` does by default.
  private func pictures(
    of labels: [ClassLabel], _ model: Model, _ context: Compute, _ reference: Model
  ) throws -> [(name: String, reference: Image, model: Image)] {
    // A comparison of predictions needs no VQ-VAE in the file that is compared.
    if model.configuration.tokenizer == nil { return [] }
    let vocabulary = reference.configuration.transformer?.vocabulary ?? 0
    let options = SamplingOptions(
      guidance: SamplingOptions.guidance(of: reference.configuration), topK: min(900, vocabulary))
    let ours = try model.drawn(labels, options, context)
    let exact = try reference.drawn(labels, options, context.with(mode: .f32))
    return labels.indices.map {
      (reference.configuration.title(of: labels[$0]), exact[$0], ours[$0])
    }
  }
}

extension ComparisonReport {
  /// The report as a table.
  var lines: [String] {
    var table = TextTable([
      "scale", "KL mean", "±", "median", "90 %", "95 %", "99 %", "max", "same top-1", "±",
      "loss ratio", "±",
    ])
    func add(_ name: String, _ summary: Summary) {
      let divergences = [
        summary.meanDivergence.value, summary.meanDivergence.error, summary.median,
        summary.percentile90, summary.percentile95, summary.percentile99, summary.maximum,
      ]
      let rest = [
        summary.sameTop.value, summary.sameTop.error, summary.lossRatio.value,
        summary.lossRatio.error,
      ]
      table.add(
        [name] + divergences.map { Format.fixed($0, 6) } + rest.map { Format.fixed($0, 5) })
    }
    for scale in patchNumbers.indices { add("\(scale)", summary(scale: scale)) }
    add("all", total)
    return [table.text, Format.count(count, "image")]
  }
}
