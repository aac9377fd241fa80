import ArgumentParser
import CommandSupport
import Foundation
import TensorBytes
import VARCalibration
import VARCompute
import VARConversion
import VARQuant

struct SensitivityCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sensitivity",
    abstract: "Measure what each format costs each group of weights, for convert --target-size.",
    discussion: """
      Converts the model once a format, puts one group of weights after the other \
      in the place of the unquantized ones, and compares predictions (KL \
      divergence) and, for the VQ-VAE, pictures. convert --sensitivity takes what \
      is printed. A whole model takes as long as some calibrations and forty passes \
      over the pictures: minutes for a small one, an hour for VAR-d16.

      EXAMPLES
        var-convert sensitivity --var var_d16.pth --vae vae.pth --output d16.json
        var-convert sensitivity mine-f32.varq --images photographs/ \\
          --output mine.json --report mine.html
        var-convert convert --var var_d16.pth --vae vae.pth \\
          --target-size 240MB --sensitivity d16.json --output d16.varq
      """)

  @OptionGroup var sources: SourceOptions

  @Option(
    help: ArgumentHelp(
      "Pictures to compare predictions over, in sub-folders named by class id or name; the model draws some by default.",
      valueName: "folder"), completion: .directory)
  var images: String?

  @Option(help: ArgumentHelp("How many pictures to compare predictions over.", valueName: "count"))
  var count = 16

  @OptionGroup(title: "Calibration") var calibration: CalibrationArguments

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp(
      "The table as JSON; the standard output by default.", valueName: "file"),
    completion: .file(extensions: ["json"]))
  var output: String = "-"

  @Option(
    help: ArgumentHelp(
      "A page that shows loss against size.", valueName: "file"),
    completion: .file(extensions: ["html"]))
  var report: String?

  @Flag(name: .shortAndLong, help: "Replace files that exist.")
  var force = false

  func validate() throws {
    try sources.validate()
    try calibration.validate()
    try OutputKind.json.check(output)
    try OutputKind.page.check(report, "--report")
    if count < 1 { throw ValidationError("--count must be at least 1.") }
  }

  func run() throws {
    let model = try sources.open()
    let outputs = try Outputs(
      reading: model.sourceFiles.map(\.file.path) + calibration.files(for: model)
        + CalibrationPictures.files(in: images, model.configuration, count: count),
      replacing: force ? .always : .never, streaming: true)
    let table = try outputs.file(Console.outputPath(output))
    let page = try report.map { try outputs.file(Console.outputPath($0)) }
    let line = ProgressLine()
    let survey = try Survey(model, hashing: false) { line.show($0) }
    let study = try SensitivityStudy(
      model, survey, beside: scratch(table), calibration.compute(),
      .init(calibration: calibration.options, folder: images, images: count)
    ) { progress in
      line.update(
        progress.fraction, "\(Format.fixed(100 * progress.fraction, 0)) %, \(progress.work)")
    }
    let costs = try study.run()
    line.clear()
    let frontier = try RecipeSearch(model, survey, costs).frontier()
    try page?.write(SensitivityPage(costs, frontier).html)
    try table.write(try Console.json(SensitivityFacts(table: costs, frontier: frontier)))
    let written = [table, page].compactMap(\.self)
    try Console.print(
      written.filter { !$0.isStandardOutput }.map { "wrote \($0.path)" },
      aside: written.contains(where: \.isStandardOutput))
  }

  /// Where files without a name are made: beside the table, or where temporary files belong.
  private func scratch(_ table: OutputFile) throws -> OutputFile {
    if !table.isStandardOutput { return table }
    let folder = FileManager.default.temporaryDirectory.path
    return try Outputs(reading: [], replacing: .always).file(folder + "/sensitivity.json")
  }
}

/// The JSON of `sensitivity`.
struct SensitivityFacts: Encodable {
  struct Point: Encodable {
    let fileBytes: Int
    let kl: Double
    let psnr: Decibels
    let types: [String: String]

    init(_ candidate: RecipeSearch.Candidate) {
      fileBytes = candidate.fileSize
      kl = candidate.divergence
      psnr = Decibels(candidate.pictureRatio)
      types = Dictionary(
        WeightGroup.all.compactMap { group in
          candidate.recipe.rules.first { $0.pattern == group.pattern }
            .map { (group.name, $0.format.name) }
        }, uniquingKeysWith: { first, _ in first })
    }

    enum CodingKeys: String, CodingKey {
      case fileBytes = "file_bytes"
      case kl
      case psnr = "psnr_db"
      case types
    }
  }

  let table: SensitivityTable
  let frontier: [Point]

  init(table: SensitivityTable, frontier: [RecipeSearch.Candidate]) {
    self.table = table
    self.frontier = frontier.map(Point.init)
  }
}

/// The page of `sensitivity`.
struct SensitivityPage {
  let html: [UInt8]

  init(_ table: SensitivityTable, _ frontier: [RecipeSearch.Candidate]) {
    let (first, last) = (frontier.first, frontier.last)
    var page = HTMLPage(
      title: "What each format costs",
      verdict: "From \(Format.bytes(first?.fileSize ?? 0)) at a KL divergence of "
        + "\(Format.scientific(first?.divergence ?? 0)) to \(Format.bytes(last?.fileSize ?? 0)) at "
        + "\(Format.scientific(last?.divergence ?? 0)) nats a token.")
    page.add(
      text: "Measured over \(Format.count(table.images, "picture")), "
        + "\(table.isCalibrated ? "calibrated" : "not calibrated"), by the model with the weights "
        + "\(table.model.prefix(12)).")
    page.add(
      SVGChart(
        "Loss against size: the best recipe for each size",
        x: .init("size of the file, MB"), y: .init("KL divergence, nats a token", .logarithmic),
        [
          .init(
            "", .line, frontier.map { (Double($0.fileSize) / 1e6, $0.divergence, "") })
        ]))
    let groups = WeightGroup.all.indices.filter { !table.costs[$0].isEmpty }
    page.add(
      SVGChart(
        "KL divergence of one group alone",
        x: .init("bits a weight"), y: .init("KL divergence, nats a token", .logarithmic),
        groups.filter { !WeightGroup.all[$0].isTokenizer }.map { group in
          SVGChart.Series(
            WeightGroup.all[group].name, .line,
            zip(table.formats, table.costs[group]).map { ($0.traits.bitsPerWeight, $1.value, "") })
        }))
    page.add(heading: "One group alone")
    page.add(
      text: "Nats a token for the transformer's groups, the mean squared error of pictures with "
        + "values of 0 to 1 for those of the VQ-VAE.")
    page.add(
      table: "What each format costs each group", ["group"] + table.formats.map(\.name),
      groups.map { group in
        [WeightGroup.all[group].name]
          + table.costs[group].map { Format.scientific($0.value) }
      })
    page.add(heading: "The best recipes")
    let names = groups.map { WeightGroup.all[$0].name }
    page.add(
      table: "The best recipe for each size", ["size", "KL", "PSNR, dB"] + names,
      frontier.map { point in
        let types = SensitivityFacts.Point(point).types
        return [
          Format.bytes(point.fileSize), Format.scientific(point.divergence),
          Format.fixed(point.pictureRatio, 1),
        ] + names.map { types[$0] ?? "" }
      })
    html = page.html
  }
}
