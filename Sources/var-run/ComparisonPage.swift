import CommandSupport
import VAREvaluation
import VARImages
import VARQuant

/// The page of `compare`.
struct ComparisonPage {
  /// What is compared: by their files' names.
  let model: String
  let reference: String
  /// How the model was computed.
  let mode: String
  let report: ComparisonReport
  let weights: WeightComparison
  /// The same classes and seeds drawn by both; empty where a half of either is missing.
  let pictures: [(name: String, reference: Image, model: Image)]

  func html() throws -> [UInt8] {
    let total = report.total
    let loss = 100 * (total.lossRatio.value - 1)
    var page = HTMLPage(
      title: "\(model) (\(mode)) against \(reference)",
      verdict: "KL divergence \(Format.scientific(total.meanDivergence.value)) ± "
        + "\(Format.scientific(total.meanDivergence.error)) nats a token; the same most probable token at "
        + "\(Format.fixed(100 * total.sameTop.value, 2)) %; loss "
        + (loss < 0 ? "−" : "+") + "\(Format.fixed(abs(loss), 3)) ± "
        + "\(Format.fixed(100 * total.lossRatio.error, 3)) %.")
    page.add(
      text: "Both predicted the tokens of \(Format.count(report.count, "image")); \(reference) was "
        + "computed in f32. Errors are standard errors over images.")
    page.add(heading: "Predictions")
    for chart in charts { page.add(chart) }
    page.add(
      table: "Predictions by scale",
      [
        "scale", "side", "KL mean", "median", "99 %", "max", "same top-1, %", "loss",
        "loss of \(reference)",
      ],
      report.patchNumbers.indices.map { scale in
        [String(scale), String(report.patchNumbers[scale])] + cells(report.summary(scale: scale))
      } + [["all", ""] + cells(total)])
    try addPictures(to: &page)
    let chart = WeightsChart(
      weights.tensors.map {
        .init(name: $0.name, format: $0.format.name, ratio: $0.statistics.sqnr)
      })
    page.add(heading: "Weights")
    page.add(text: weightText)
    page.add(chart.byBlock)
    page.add(chart.byTensor)
    page.add(
      table: "The worst tensors", ["tensor", "format", "SQNR, dB"],
      chart.worst(20).map { [$0.name, $0.format, Format.fixed($0.ratio, 1)] })
    return page.html
  }

  private var weightText: String {
    let same = weights.tensors.count { $0.statistics.noise == 0 }
    return
      "\(same) of \(Format.count(weights.tensors.count, "tensor")) have the values of \(reference)."
  }

  private func cells(_ summary: ComparisonReport.Summary) -> [String] {
    [
      summary.meanDivergence.value, summary.median, summary.percentile99, summary.maximum,
    ].map(Format.scientific) + [
      Format.fixed(100 * summary.sameTop.value, 2), Format.fixed(summary.loss, 4),
      Format.fixed(summary.referenceLoss, 4),
    ]
  }

  private func addPictures(to page: inout HTMLPage) throws {
    if pictures.isEmpty { return }
    page.add(heading: "The same classes and seeds")
    for (seed, pair) in pictures.enumerated() {
      page.add(subheading: "\(pair.name), seed \(seed)")
      let psnr = pair.model.psnr(to: pair.reference) ?? 0
      var row = [(reference, pair.reference), (model, pair.model)]
      if let (image, factor) = pair.model.difference(to: pair.reference) {
        row.append(
          (
            psnr.isFinite
              ? "difference ×\(factor), PSNR \(Format.fixed(psnr, 1)) dB" : "no difference", image
          ))
      }
      page.add(pictures: try row.map { ($0.0, try $0.1.png()) })
    }
  }

  private var charts: [SVGChart] {
    let scales = report.patchNumbers.indices.map { (Double($0), report.summary(scale: $0)) }
    func curve(
      _ name: String, _ value: (ComparisonReport.Summary) -> Double
    ) -> SVGChart.Series {
      .init(name, .line, scales.map { ($0.0, value($0.1), "") })
    }
    return [
      SVGChart(
        "KL divergence by scale", x: .init("scale", .counting),
        y: .init("KL divergence, nats a token", .logarithmic),
        [
          curve("mean") { $0.meanDivergence.value }, curve("median") { $0.median },
          curve("99 %") { $0.percentile99 }, curve("largest") { $0.maximum },
        ]),
      .divergences(
        "KL divergence, all tokens", report.histogram.bins, least: DivergenceHistogram.least),
      SVGChart(
        "The same most probable token, by scale", x: .init("scale", .counting),
        y: .init("share of the tokens, %"), [curve("") { 100 * $0.sameTop.value }]),
      SVGChart(
        "Loss beyond that of \(reference), by scale", x: .init("scale", .counting),
        y: .init("loss, nats a token"), [curve("") { $0.loss - $0.referenceLoss }]),
    ]
  }
}
