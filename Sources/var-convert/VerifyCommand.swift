import ArgumentParser
import CommandSupport
import Foundation
import SafetensorsIO
import TensorBytes
import VARCalibration
import VARCompute
import VARConversion
import VARModel
import VARQuant

struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Check a .varq file, by itself or against what it was converted from.",
    discussion: """
      Every checksum and every rule of the format is checked. With --against, the \
      sources' SHA-256 are compared with the recorded ones, and every tensor is made \
      again by the recorded recipe and compared byte for byte. The verdict:

        re-derived     every byte is what sources and recipe give
        close          it is as close as its format allows, but can't be made again \
      exactly: calibrated (see --recalibrate), or of an unknown program
        changed        some tensors are not what the sources give
        other sources  the files are not those that it was converted from

      Ends with status 0 for re-derived, and with --close for close; else with 1.

      EXAMPLES
        var-convert verify d16.varq
        var-convert verify d16.varq --against var_d16.pth vae.pth
        var-convert verify d16-q4.varq --against var_d16.pth vae.pth --recalibrate
      """)

  @Argument(help: "The .varq file.", completion: .file(extensions: ["varq"]))
  var file: String

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      "The files it was converted from: checkpoints, or another .varq file.", valueName: "file"),
    completion: .file())
  var against: [String] = []

  @Option(
    help: ArgumentHelp(
      "The part of the checkpoints that holds the model. (default: the recorded one)",
      valueName: "path"))
  var root: String?

  @Flag(help: "End with status 0 where what can't be made again exactly is within its limits.")
  var close = false

  @Flag(help: "Run the recorded calibration again, and compare its bytes, too.")
  var recalibrate = false

  @Option(
    help: ArgumentHelp(
      "The pictures that the file was calibrated by, where they were a folder's.",
      valueName: "folder"), completion: .directory)
  var calibrate: String?

  @Option(
    help: ArgumentHelp(
      "Instruction set to recalibrate with, for tests. (default: the recorded one)",
      valueName: "level"))
  var cpuLevel: CPULevelChoice?

  @Option(
    help: ArgumentHelp("A page that shows what was found.", valueName: "file"),
    completion: .file(extensions: ["html"]))
  var report: String?

  @Flag(name: .shortAndLong, help: "Replace the report if it exists.")
  var force = false

  @Flag(help: "Print JSON.")
  var json = false

  func validate() throws {
    try OutputKind.page.check(report, "--report", json: json)
    if against.isEmpty && (close || recalibrate || calibrate != nil) {
      throw ValidationError("--close, --recalibrate and --calibrate need --against.")
    }
    if !recalibrate && (calibrate != nil || cpuLevel != nil) {
      throw ValidationError("--calibrate and --cpu-level need --recalibrate.")
    }
  }

  func run() throws {
    let outputs = Outputs(
      reading: try inputs, replacing: force ? .always : .never, streaming: true)
    let page = try report.map { try outputs.file(Console.outputPath($0)) }
    let line = ProgressLine()
    let verdicts = try Verifier(file).verdicts { line.show($0) }
    let derived =
      against.isEmpty
      ? nil : try Rederivation(file, against: against, root: root) { line.show($0) }
    let recalibration = try derived.flatMap { try calibration(of: $0, line) }
    let tensors = try derived?.run(
      calibration: recalibration, calibrated: derived.flatMap(calibrated) ?? .init()
    ) { if recalibration == nil { line.show($0) } }
    line.clear()
    let facts = VerificationFacts(
      file, verdicts, derived, tensors, allowsClose: close, isRecalibrated: recalibration != nil)
    try page?.write(VerificationPage(facts).html)
    if json {
      try Console.print(json: facts)
    } else {
      try Console.print(facts.lines, aside: report == "-")
    }
    if !facts.sound { throw ExitCode.failure }
  }

  /// Every file that is read; what is wrong with a source is told where it is opened.
  private var inputs: [String] {
    get throws {
      let sources = against.flatMap { path in
        [path] + ((try? Checkpoint.open(path))?.files.map(\.path) ?? [])
      }
      let pictures = try calibrate.map {
        try CalibrationPictures.files(in: $0, ModelFile(file).configuration, count: .max)
      }
      return [file] + sources + (pictures ?? [])
    }
  }

  /// What the file's calibration has made, if it says that it had one.
  private func calibrated(_ derived: Rederivation) -> Rederivation.Calibrated? {
    RecordedCalibration(derived) == nil ? nil : derived.plan.calibrated
  }

  /// The recorded calibration, to be run again; nil without --recalibrate or where nothing was
  /// calibrated.
  private func calibration(of derived: Rederivation, _ line: ProgressLine) throws -> Calibrator? {
    guard recalibrate, let recorded = RecordedCalibration(derived, folder: calibrate) else {
      return nil
    }
    if recorded.usesFolder && calibrate == nil {
      throw ValidationError("the file was calibrated by pictures: name their folder by --calibrate")
    }
    let isHere = recorded.level?.isAvailable == true
    let level = cpuLevel?.level ?? (isHere ? recorded.level : nil) ?? .best
    if level != recorded.level {
      Console.note(
        "note: the calibration was computed with \(recorded.levelName.printable())"
          + (isHere ? "" : ", which this machine lacks")
          + ": with \(level.rawValue), the last bits may differ")
    }
    let scratch = try Outputs(reading: [], replacing: .always).file(
      FileManager.default.temporaryDirectory.path + "/verify.varq")
    return try Calibrator(
      derived.plan, of: derived.source, beside: scratch,
      Compute(mode: .f32, level: level), recorded.options
    ) { progress in
      line.update(
        progress.fraction,
        "calibrating \(Format.fixed(100 * progress.fraction, 0)) %, \(progress.work)")
    }
  }
}
