import ArgumentParser
import CommandSupport
import Foundation
import LinearAlgebra
import TensorBytes
import VARCompute
import VARScores

struct ScoreCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "score",
    abstract: "Score a set of pictures against a reference.",
    discussion: """
      Sets are .npz files of arr_0 (uint8, N×H×W×3), as var-run samples merge writes them, or folders of PNG \
      files. A reference may hold mu, sigma, mu_s and sigma_s in place of pictures or beside them.

      Features are kept beside a set, in SET.features/: the same command goes on where it was interrupted.

      EXAMPLES:
        var-eval score set.npz --reference reference.npz --inception i.varq
        var-eval score set.npz --reference pictures/ --inception i.varq --json
      """)

  @Argument(help: ArgumentHelp("The set.", valueName: "set"), completion: .file())
  var set: String

  @Option(
    help: ArgumentHelp("What the set is held to.", valueName: "set"), completion: .file())
  var reference: String

  @Option(
    help: ArgumentHelp("The network of FID, by convert-inception.", valueName: "file"),
    completion: .file(extensions: ["varq"]))
  var inception: String?

  @Option(
    help: ArgumentHelp("The demo model's judge, by convert-classifier.", valueName: "file"),
    completion: .file(extensions: ["varq"]))
  var classifier: String?

  @Option(
    help: ArgumentHelp(
      "Bootstrap samples for standard errors; 0 is none. With Inception each takes some seconds.",
      valueName: "n"))
  var bootstrap = 10

  @Option(help: "Seed of the bootstrap.")
  var bootstrapSeed: UInt64 = 0

  @Flag(help: "Neither use nor keep features beside the sets.")
  var noCache = false

  @Option(help: "Threads to use. (default: the cores that this process may use)")
  var threads: Int?

  @Flag(help: "Print the scores as JSON.")
  var json = false

  @OptionGroup var report: ReportOption

  @OptionGroup var force: ForceOption

  func validate() throws {
    if (inception == nil) == (classifier == nil) {
      throw ValidationError("Give one network, --inception or --classifier.")
    }
    if !(0...10_000).contains(bootstrap) {
      throw ValidationError("--bootstrap must be 0 to 10000, but is \(bootstrap).")
    }
    if let threads, !(1...1024).contains(threads) {
      throw ValidationError("--threads must be 1 to 1024, but is \(threads).")
    }
    try report.check(json: json)
  }

  func run() throws {
    let path = inception ?? classifier ?? ""
    let file = try NetworkFile(path)
    let wanted: NetworkFile.Architecture = inception == nil ? .classifier : .inception
    guard file.architecture == wanted else {
      throw ScoreError.network(path: path, reason: "it is the \(file.architecture.rawValue)")
    }
    let compute = try Compute(
      mode: .f32, level: .best, threads: threads ?? ThreadPool.usableCores)
    let network: any PictureNetwork =
      wanted == .inception
      ? try InceptionNetwork(file, compute) : try ClassifierNetwork(file, compute)
    let blas = try BLAS.open()
    guard let pictures = try PictureSet(set) else {
      throw ScoreError.noPictures(path: set, shape: [])
    }
    guard pictures.count >= PictureScores.leastPictures else {
      throw ScoreError.tooFew(path: set, count: pictures.count)
    }
    let reference = try ScoreReference(reference, sizes: network.sizes)
    let page = try report.path.map {
      try force.outputs(
        reading: pictures.files + reference.files + [path]
      ).file($0)
    }
    let line = ProgressLine()
    let seen = try look(pictures, network, file, line)
    let goal: ScoreGoal
    switch reference.content {
    case .pictures(let pictures, let known, let spatial):
      let seen = try look(pictures, network, file, line)
      line.update(nil, "statistics of the reference")
      goal = ScoreGoal(seen, known: known, knownSpatial: spatial, blas)
    case .statistics(let statistics, let spatial):
      goal = ScoreGoal(statistics, spatial: spatial)
    }
    let scores = try PictureScores(
      seen, heldTo: goal, resamples: bootstrap, seed: bootstrapSeed, blas
    ) { line.update(nil, $0) }
    line.clear()
    let result = ScoreReport(
      scores, set: set, reference: self.reference, network: file, isInception: inception != nil)
    if let page { try page.write(result.html()) }
    if json { return try Console.print(json: result) }
    try Console.print(result.lines, aside: report.isStandardOutput)
  }

  private func look(
    _ pictures: PictureSet, _ network: any PictureNetwork, _ file: NetworkFile, _ line: ProgressLine
  ) throws -> SetFeatures {
    var path = pictures.path
    while path.count > 1, path.hasSuffix("/") { path.removeLast() }
    return try SetFeatures(
      pictures, network, file.checksum, cache: noCache ? nil : path + ".features"
    ) { done in
      line.update(
        Double(done) / Double(max(1, pictures.count)),
        "\(pictures.path): \(done) of \(pictures.count) pictures")
    }
  }
}
