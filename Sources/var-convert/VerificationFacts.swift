import CommandSupport
import Foundation
import TensorBytes
import VARConversion
import VARQuant

/// What `verify` found; its JSON.
struct VerificationFacts: Encodable {
  /// What a comparison with sources comes to.
  enum Verdict: String, Encodable {
    case rederived = "re-derived"
    case close
    case changed
    case otherSources = "other sources"
  }

  struct Tensor: Encodable {
    let name: String
    let format: String
    let defect: String?
    let outcome: RederivedTensor.Outcome?
    let planned: String?
    let changed: Int?
    let elements: Int
    let largestChange: Float?
    let excess: Double?
    let rowExcess: Double?
    let tail: Double?
    let errorByRecord: Double?
    let maxAbs: Float?
    let rmse: Double?
    let sqnr: Decibels?
    let sound: Bool

    enum CodingKeys: String, CodingKey {
      case name
      case format
      case defect
      case outcome
      case planned
      case changed
      case elements
      case largestChange = "largest_change"
      case excess
      case rowExcess = "row_excess"
      case tail
      case errorByRecord = "error_by_record"
      case maxAbs = "max_abs"
      case rmse
      case sqnr = "sqnr_db"
      case sound
    }
  }

  let file: String
  let sound: Bool
  /// Nil without sources.
  let verdict: Verdict?
  /// The verdict in a sentence.
  let summary: String
  let recorded: [String]?
  let given: [String]?
  let compared: Int
  let matching: Int?
  let sameConfiguration: Bool?
  let tensors: [Tensor]

  enum CodingKeys: String, CodingKey {
    case file
    case sound
    case verdict
    case summary
    case recorded = "recorded_sha256"
    case given = "given_sha256"
    case compared
    case matching
    case sameConfiguration = "same_configuration"
    case tensors
  }

  init(
    _ file: String, _ verdicts: [TensorVerdict], _ derived: Rederivation?,
    _ results: [RederivedTensor]?, allowsClose: Bool, isRecalibrated: Bool
  ) {
    self.file = file
    let found = results.map { results in
      Dictionary(uniqueKeysWithValues: results.map { ($0.name, $0) })
    }
    tensors = verdicts.map { verdict in
      let result = found?[verdict.name]
      let statistics = result?.statistics
      let isDerived = result.map { $0.outcome == .same || $0.outcome == .close } ?? (found == nil)
      return Tensor(
        name: verdict.name, format: verdict.format.name, defect: verdict.problem,
        outcome: result?.outcome, planned: result?.planned?.name, changed: result?.changed,
        elements: result?.count ?? 0, largestChange: result?.largest,
        excess: result?.excess.flatMap { $0.tensor.isFinite ? $0.tensor : nil },
        rowExcess: result?.excess.flatMap { $0.row.isFinite ? $0.row : nil },
        tail: result?.excess?.tail,
        errorByRecord: result?.errorByRecord.flatMap { $0.isFinite ? $0 : nil },
        maxAbs: statistics?.maximumError, rmse: statistics?.rootMeanSquare,
        sqnr: statistics.map { Decibels($0.sqnr) }, sound: verdict.problem == nil && isDerived)
    }
    let isWhole = verdicts.allSatisfy { $0.problem == nil }
    compared = tensors.count { $0.sqnr != nil }
    matching = results.map { $0.count { $0.outcome == .same } }
    recorded = derived?.recorded
    given = derived?.given
    sameConfiguration = derived?.isSameConfiguration
    guard let derived, let results else {
      verdict = nil
      sound = isWhole
      summary = "\(Format.count(verdicts.count, "tensor")), \(isWhole ? "sound" : "NOT sound")"
      return
    }
    let outcome = Self.verdict(derived, results)
    verdict = outcome
    sound = isWhole && (outcome == .rederived || outcome == .close && allowsClose)
    let same = results.count { $0.outcome == .same }
    let all = Format.count(results.count, "tensor")
    let text =
      switch outcome {
      case .rederived:
        "re-derived: all bytes of \(all) are what the recorded sources give by the recorded recipe"
      case .close:
        "close: \(same) of \(all) re-derived; the others are within their limits"
          + (allowsClose ? "" : " (--close accepts that)")
      case .changed:
        "changed: \(results.count { $0.outcome == .changed || $0.outcome == .missing }) of \(all) "
          + "are not what the sources give"
          + (derived.isSameConfiguration ? "" : "; the model's settings differ")
          + (isRecalibrated ? " (recalibrated)" : "")
      case .otherSources:
        "other sources: the files' SHA-256 are not the recorded ones; \(same) of \(all) match "
          + "all the same"
      }
    summary = isWhole ? text : text + "; NOT sound: damaged"
  }

  private static func verdict(_ derived: Rederivation, _ results: [RederivedTensor]) -> Verdict {
    let outcomes = Set(results.map(\.outcome))
    if !derived.recorded.isEmpty && !derived.isSameSource { return .otherSources }
    if outcomes.contains(.changed) || outcomes.contains(.missing) || !derived.isSameConfiguration {
      return .changed
    }
    return outcomes.contains(.close) || !derived.hasRecipe || derived.recorded.isEmpty
      ? .close : .rederived
  }

  /// The facts as text, the verdict last.
  var lines: [String] {
    var lines: [String] = []
    if verdict != nil {
      var table = TextTable(["tensor", "format", "max abs", "RMSE", "SQNR dB", ""])
      for tensor in tensors {
        guard let maxAbs = tensor.maxAbs, let rmse = tensor.rmse else { continue }
        table.add([
          tensor.name, tensor.format, Self.text(Double(maxAbs)), Self.text(rmse),
          tensor.sqnr.map { Format.fixed($0.value, 1) } ?? "", tensor.outcome?.rawValue ?? "",
        ])
      }
      lines.append(table.text)
    }
    for tensor in tensors {
      if let defect = tensor.defect { lines.append("DAMAGED \(defect)") }
      switch tensor.outcome {
      case .missing: lines.append("MISSING \(tensor.name): no source has it")
      case .changed: lines.append("CHANGED \(tensor.name): \(Self.change(tensor))")
      default: break
      }
    }
    if sameConfiguration == false { lines.append("CHANGED the model's settings in the metadata") }
    return lines + ["\(file): \(summary)"]
  }

  /// How many elements are changed, and how far.
  static func change(_ tensor: Tensor) -> String {
    if let planned = tensor.planned { return "it is \(tensor.format), but was to be \(planned)" }
    if tensor.changed == 0 { return "bytes that no value depends on" }
    let excess = tensor.excess.map { ", its error \(Format.fixed($0, 2)) of rounding's" } ?? ""
    let record =
      tensor.errorByRecord.flatMap { abs($0 - 1) < 1e-9 ? nil : $0 }.map {
        ", \(String(format: "%.6g", $0)) of what the calibration recorded"
      } ?? ""
    return "\(tensor.changed ?? 0) of \(Format.count(tensor.elements, "element")), by at most "
      + text(Double(tensor.largestChange ?? 0)) + excess + record
  }

  /// Three significant digits, or 0.
  static func text(_ value: Double) -> String {
    value == 0 ? "0" : String(format: "%.2e", value)
  }
}
