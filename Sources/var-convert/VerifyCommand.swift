import ArgumentParser
import CommandSupport
import Foundation
import VARConversion
import VARQuant

struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Check a .varq file, by itself or against the checkpoints it came from.",
    discussion: """
      Every checksum and every rule of the format is checked. With --against, the \
      error of each tensor is printed too; it must stay within the limit of its \
      format. Ends with status 1 if anything is wrong.

      EXAMPLES
        var-convert verify d16.varq
        var-convert verify d16.varq --against var_d16.pth vae.pth
      """)

  @Argument(help: "The .varq file.", completion: .file(extensions: ["varq"]))
  var file: String

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp("Checkpoints to compare with.", valueName: "file"), completion: .file())
  var against: [String] = []

  @Option(
    help: ArgumentHelp(
      "The part of the checkpoints that holds the model. (default: the only one)",
      valueName: "path"))
  var root: String?

  @Flag(help: "Print JSON.")
  var json = false

  func run() throws {
    let line = ProgressLine()
    let verdicts = try Verifier(file, against: against, root: root).verdicts { line.show($0) }
    line.clear()
    let report = VerificationReport(file, verdicts)
    if json { try Console.print(json: report) } else { try Console.print(lines(verdicts, report)) }
    if !report.sound { throw ExitCode.failure }
  }

  private func lines(_ verdicts: [TensorVerdict], _ report: VerificationReport) -> [String] {
    var lines: [String] = []
    if !against.isEmpty {
      var table = TextTable(["tensor", "format", "max abs", "RMSE", "SQNR dB"])
      for verdict in verdicts {
        guard let statistics = verdict.statistics else { continue }
        table.add([
          verdict.name, verdict.format.name, Self.text(Double(statistics.maximumError)),
          Self.text(statistics.rootMeanSquare), Format.fixed(statistics.sqnr, 1),
        ])
      }
      lines.append(table.text)
      if report.compared < verdicts.count {
        lines.append(
          "\(Format.count(verdicts.count - report.compared, "tensor")) had no source to compare")
      }
    }
    for verdict in verdicts {
      if let defect = verdict.defect { lines.append("DAMAGED \(defect)") }
      if let statistics = verdict.statistics, !verdict.isClose {
        let limit = verdict.format.accuracy.leastSQNR
        lines.append(
          "DIFFERS \(verdict.name): \(Format.fixed(statistics.sqnr, 1)) dB, at least "
            + "\(Format.fixed(limit, 0)) dB were expected of \(verdict.format.name)")
      }
    }
    let verdict = report.sound ? "sound" : "NOT sound"
    return lines + ["\(file): \(Format.count(verdicts.count, "tensor")), \(verdict)"]
  }

  /// Three significant digits, or 0.
  private static func text(_ value: Double) -> String {
    value == 0 ? "0" : String(format: "%.2e", value)
  }
}

/// The JSON of `verify`.
private struct VerificationReport: Encodable {
  struct Tensor: Encodable {
    let name: String
    let format: String
    let defect: String?
    let maxAbs: Float?
    let rmse: Double?
    let sqnr: Decibels?
    let sound: Bool

    enum CodingKeys: String, CodingKey {
      case name
      case format
      case defect
      case maxAbs = "max_abs"
      case rmse
      case sqnr = "sqnr_db"
      case sound
    }
  }

  let file: String
  let sound: Bool
  let compared: Int
  let tensors: [Tensor]

  init(_ file: String, _ verdicts: [TensorVerdict]) {
    self.file = file
    sound = verdicts.allSatisfy(\.isSound)
    compared = verdicts.count { $0.statistics != nil }
    tensors = verdicts.map { verdict in
      Tensor(
        name: verdict.name, format: verdict.format.name, defect: verdict.defect.map { "\($0)" },
        maxAbs: verdict.statistics?.maximumError, rmse: verdict.statistics?.rootMeanSquare,
        sqnr: verdict.statistics.map { Decibels($0.sqnr) }, sound: verdict.isSound)
    }
  }
}
