import CommandSupport
import VARCompute
import VAREvaluation
import VARQuant

extension ParityReports {
  /// All reports, each under what its run was where there are several, and what they come to.
  var lines: [String] {
    guard runs.count > 1 else { return runs.flatMap(\.lines) }
    var lines: [String] = []
    for (index, report) in runs.enumerated() {
      lines += ["run \(index): \(report.run)", ""] + report.lines + [""]
    }
    let failed = runs.indices.filter { !runs[$0].passed }.map(String.init)
    return lines + [
      passed
        ? "all \(runs.count) runs passed" : "failed: run \(failed.joined(separator: ", "))"
    ]
  }
}

extension ParityReport {
  /// The report as tables, the verdict last.
  var lines: [String] {
    var lines = [tensorTable.text, ""]
    if !gains.isEmpty { lines += [gainText, ""] }
    lines.append(predictionTable.text)
    if !agreement.isEmpty { lines += ["", agreementText] }
    if let freeRunPSNR {
      let values = freeRunPSNR.map { $0.isFinite ? Format.fixed($0, 1) : "∞" }
      lines.append("pictures of the free run: PSNR \(values.joined(separator: ", ")) dB")
    }
    if sameDraws == false {
      lines.append("the reference's random numbers are not ours: another PyTorch drew them")
    }
    lines += ["", verdictTable.text, "", conclusion]
    return lines
  }

  private var tensorTable: TextTable {
    var table = TextTable(["tensor", "max abs", "of", "relative", "cosine", "SQNR dB"])
    for tensor in tensors {
      table.add([
        tensor.name, Self.short(tensor.maxAbsolute), Self.short(tensor.referenceMaximum),
        Self.short(tensor.relativeError), Format.fixed(tensor.cosine, 7),
        tensor.sqnr.isFinite ? Format.fixed(tensor.sqnr, 1) : "∞",
      ])
    }
    return table
  }

  private var predictionTable: TextTable {
    var table = TextTable(["scale", "KL mean", "99 %", "max", "same top-1", "same sample"])
    for scale in predictions {
      table.add([
        "\(scale.scale)", Self.short(scale.meanDivergence), Self.short(scale.percentile99),
        Self.short(scale.maximum), Format.fixed(scale.sameTop, 4),
        Format.fixed(scale.sameSample, 4),
      ])
    }
    return table
  }

  private var gainText: String {
    "what the blocks add, by what they add in the reference: "
      + gains.map { Format.fixed($0.gain, 4) }.joined(separator: " ")
  }

  private var agreementText: String {
    "tokens of the free run, by scale: "
      + agreement.map { "\($0.same)/\($0.total)" }.joined(separator: " ")
  }

  private var verdictTable: TextTable {
    var table = TextTable(["section", "quantity", "worst", "limit", ""])
    for verdict in verdicts {
      table.add([
        verdict.section.rawValue, verdict.quantity, Self.short(verdict.worst),
        Self.short(verdict.limit), verdict.passed ? "ok" : "EXCEEDED",
      ])
    }
    return table
  }

  /// The verdict in a sentence.
  var conclusion: String {
    let rounded =
      limits.reference == .none ? "" : ", reference by \(limits.reference.rawValue) autocast"
    let setting = "\(limits.format.name) weights, \(limits.mode.rawValue) arithmetic" + rounded
    if passed { return "parity: passed (\(setting))" }
    let first = firstFailure.map { "; the first tensor beyond its limit is \($0.name)" } ?? ""
    return "parity: failed (\(setting))" + first
  }

  /// Two decimals and an exponent: 1.23e-05.
  private static func short(_ value: Double) -> String { Format.scientific(value) }
}
