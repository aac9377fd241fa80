import CommandSupport
import VAREvaluation
import VARImages
import VARModel

/// The page of `evaluate`.
struct EvaluationPage {
  /// One picture's score.
  struct Scored {
    let name: String
    let label: ClassLabel
    let score: ImageScore
    /// Over all of its tokens.
    var loss: Double { score.loss }
    var error: Double { score.error }
  }

  /// A picture, and what its tokens give back.
  struct Shown {
    let scored: Scored
    let original: Image
    let rebuilt: Image
  }

  let model: String
  let mode: String
  let report: EvaluationReport
  let scores: [Scored]
  /// Those of the largest loss.
  let worst: [Shown]
  /// What the model calls a class.
  let name: (ClassLabel) -> String

  func html() throws -> [UInt8] {
    func text(_ mean: RunningMean) -> String {
      "\(Format.fixed(mean.mean, 4)) ± \(Format.fixed(mean.standardError, 4))"
    }
    var page = HTMLPage(
      title: "How well \(model) predicts (\(mode))",
      verdict:
        "Loss \(text(report.mean.loss)) nats a token, \(text(report.tail.loss)) at the last scale; "
        + "error \(text(report.mean.error)), \(text(report.tail.error)) at the last scale.")
    page.add(
      text:
        "Teacher-forced over \(Format.count(report.images, "labelled image")). Error is the share of "
        + "tokens that are not the most probable ones; what stands after ± is a standard error over images."
    )
    page.add(curve("Loss by scale", "loss, nats a token") { $0.loss.mean })
    page.add(curve("Error by scale", "share of the tokens, %") { 100 * $0.error.mean })
    page.add(
      table: "Loss and error by scale", ["scale", "side", "loss", "error"],
      report.perScale.enumerated().map { scale, estimate in
        [
          String(scale), String(report.patchNumbers[scale]), text(estimate.loss),
          text(estimate.error),
        ]
      } + [
        ["all", "", text(report.mean.loss), text(report.mean.error)],
        ["last", "", text(report.tail.loss), text(report.tail.error)],
      ])
    page.add(histogram)
    try addWorst(to: &page)
    page.add(
      table: "The classes of the largest loss", ["class", "images", "loss", "error"], classRows)
    return page.html
  }

  private func curve(
    _ title: String, _ axis: String, _ value: (EvaluationReport.Estimate) -> Double
  ) -> SVGChart {
    SVGChart(
      title, x: .init("scale", .counting), y: .init(axis),
      [
        .init(
          "", .line, report.perScale.enumerated().map { (Double($0.offset), value($0.element), "") }
        )
      ])
  }

  /// Images by their loss, in about a dozen bins.
  private var histogram: SVGChart {
    let losses = scores.map(\.loss).filter(\.isFinite)
    let low = losses.min() ?? 0
    let width = max((losses.max() ?? 0) - low, 1e-9) / 12
    let bins = Dictionary(grouping: losses) { min(11, Int(($0 - low) / width)) }
    return SVGChart(
      "Images by their loss", x: .init("loss of an image, nats a token"),
      y: .init("images", .counting),
      [
        .init(
          "", .bars,
          (0..<12).map { (low + (Double($0) + 0.5) * width, Double(bins[$0]?.count ?? 0), "") })
      ])
  }

  private func addWorst(to page: inout HTMLPage) throws {
    if worst.isEmpty { return }
    page.add(heading: "The images of the largest loss")
    for shown in worst {
      page.add(
        subheading: "\(shown.scored.name) (\(name(shown.scored.label))): loss "
          + "\(Format.fixed(shown.scored.loss, 3)), error \(Format.fixed(shown.scored.error, 3))")
      var row = [("the image", shown.original), ("what its tokens give back", shown.rebuilt)]
      if let (image, factor) = shown.rebuilt.difference(to: shown.original) {
        row.append(("difference ×\(factor)", image))
      }
      page.add(pictures: try row.map { ($0.0, try $0.1.png()) })
    }
  }

  private var classRows: [[String]] {
    Dictionary(grouping: scores, by: \.label).map { label, scores in
      let count = Double(scores.count)
      return (
        name(label), scores.count, scores.reduce(0) { $0 + $1.loss } / count,
        scores.reduce(0) { $0 + $1.error } / count
      )
    }.sorted { ($1.2, $0.0) < ($0.2, $1.0) }.prefix(20).map {
      [$0.0, String($0.1), Format.fixed($0.2, 4), Format.fixed($0.3, 4)]
    }
  }
}
