import CommandSupport
import VAREvaluation
import VARImages
import VARQuant

/// The page of `parity`.
struct ParityPage {
  let html: [UInt8]

  init(_ reports: ParityReports, reference: String, model: String) throws {
    let failed = reports.runs.indices.filter { !reports.runs[$0].passed }
    let verdict =
      reports.runs.count == 1
      ? reports.runs[0].conclusion
      : reports.passed
        ? "parity: all \(reports.runs.count) runs passed"
        : "parity: failed: run \(failed.map(String.init).joined(separator: ", "))"
    var page = HTMLPage(
      title: "Parity of \(model) with \(reference)", verdict: verdict, isGood: reports.passed)
    for (index, report) in reports.runs.enumerated() {
      if reports.runs.count > 1 { page.add(heading: "Run \(index): \(report.conclusion)") }
      try RunSection(report, name: reports.runs.count > 1 ? "Run \(index): " : "").add(to: &page)
    }
    html = page.html
  }
}

/// What the page says of one run.
private struct RunSection {
  private let report: ParityReport
  /// What the titles of charts and tables begin with.
  private let name: String

  init(_ report: ParityReport, name: String) {
    self.report = report
    self.name = name
  }

  func add(to page: inout HTMLPage) throws {
    page.add(text: "The reference: \(report.run).")
    page.add(
      table: name + "The worst of each section, and what is allowed",
      ["section", "quantity", "worst", "limit", "verdict"],
      report.verdicts.map { verdict in
        [
          verdict.section.rawValue.replacing("_", with: " "), verdict.quantity,
          Format.scientific(verdict.worst), Format.scientific(verdict.limit),
          verdict.passed ? "ok" : "EXCEEDED",
        ]
      })
    try addPictures(to: &page)
    page.add(errorsByScale)
    page.add(errorsByBlock)
    page.add(gains)
    page.add(divergencesByScale)
    page.add(
      .divergences(
        name + "KL divergence of the predictions, all scales", histogram.bins,
        least: DivergenceHistogram.least))
    page.add(agreement)
    page.add(
      table: name + "The worst tensors", ["tensor", "relative error", "max abs", "of", "SQNR, dB"],
      report.tensors.sorted { $0.relativeError > $1.relativeError }.prefix(20).map { tensor in
        [
          tensor.name, Format.scientific(tensor.relativeError),
          Format.scientific(tensor.maxAbsolute), Format.scientific(tensor.referenceMaximum),
          tensor.sqnr.isFinite ? Format.fixed(tensor.sqnr, 1) : "∞",
        ]
      })
  }

  private func addPictures(to page: inout HTMLPage) throws {
    for (index, pictures) in report.pictures.enumerated() {
      page.add(subheading: "\(name)Picture \(index)")
      let psnr = pictures.free.psnr(to: pictures.reference) ?? 0
      var row = [
        ("PyTorch's", pictures.reference), ("ours, from its tokens", pictures.replayed),
        (
          "ours, running free: "
            + (psnr.isFinite ? "PSNR \(Format.fixed(psnr, 1)) dB" : "the same"),
          pictures.free
        ),
      ]
      if let (image, factor) = pictures.free.difference(to: pictures.reference) {
        row.append(("difference to PyTorch's, ×\(factor)", image))
      }
      page.add(pictures: try row.map { ($0.0, try $0.1.png()) })
    }
  }

  /// The scale and the rest of a tensor's name, such as `scale3.block2`.
  private static func place(_ tensor: String) -> (scale: Int, part: String)? {
    let parts = tensor.split(separator: ".", maxSplits: 1)
    guard parts.count == 2, parts[0].hasPrefix("scale"), let scale = Int(parts[0].dropFirst(5))
    else { return nil }
    return (scale, String(parts[1]))
  }

  private var errorsByScale: SVGChart {
    let places = report.tensors.compactMap { tensor in
      Self.place(tensor.name).map { ($0.scale, $0.part, tensor.relativeError) }
    }
    func curve(_ name: String, _ admits: (String) -> Bool) -> SVGChart.Series {
      let values = Dictionary(grouping: places.filter { admits($0.1) }, by: \.0)
      return .init(
        name, .line,
        values.sorted { $0.key < $1.key }.map { (Double($0.key), $0.value.map(\.2).max() ?? 0, "") }
      )
    }
    return SVGChart(
      name + "Relative error by scale", x: .init("scale", .counting),
      y: .init("relative error", .logarithmic),
      [
        curve("input") { $0 == "input" }, curve("worst block") { $0.hasPrefix("block") },
        curve("logits") { $0 == "logits" }, curve("f̂") { $0 == "fhat" },
        limit(
          "limit of blocks and logits", report.limits.stream, report.predictions.map { $0.scale }),
      ])
  }

  private var errorsByBlock: SVGChart {
    let places = report.tensors.compactMap { tensor -> (Int, Double)? in
      guard let part = Self.place(tensor.name)?.part, part.hasPrefix("block"),
        let block = Int(part.dropFirst(5))
      else { return nil }
      return (block, tensor.relativeError)
    }
    let blocks = Dictionary(grouping: places, by: \.0).mapValues { $0.map(\.1).sorted() }
      .sorted { $0.key < $1.key }
    return SVGChart(
      name + "Relative error by block", x: .init("block of the transformer", .counting),
      y: .init("relative error of what it writes", .logarithmic),
      [
        .init("worst scale", .line, blocks.map { (Double($0.key), $0.value.last ?? 0, "") }),
        .init(
          "median scale", .line,
          blocks.map { (Double($0.key), $0.value[$0.value.count / 2], "") }),
        limit("limit", report.limits.stream, blocks.map(\.key)),
      ])
  }

  private var gains: SVGChart {
    SVGChart(
      name + "How much each block adds, by what it adds in the reference",
      x: .init("block of the transformer", .counting), y: .init("|gain − 1|", .logarithmic),
      [
        .init("block", .line, report.gains.map { (Double($0.block), abs($0.gain - 1), "") }),
        limit("limit", report.limits.gain, report.gains.map(\.block)),
      ])
  }

  private var divergencesByScale: SVGChart {
    SVGChart(
      name + "KL divergence by scale", x: .init("scale", .counting),
      y: .init("KL divergence, nats a token", .logarithmic),
      [
        .init("mean", .line, report.predictions.map { (Double($0.scale), $0.meanDivergence, "") }),
        .init("99 %", .line, report.predictions.map { (Double($0.scale), $0.percentile99, "") }),
        limit("limit of the mean", report.limits.meanDivergence, report.predictions.map(\.scale)),
      ])
  }

  private var histogram: DivergenceHistogram {
    report.predictions.map(\.histogram).reduce(into: DivergenceHistogram()) { $0.add($1) }
  }

  private var agreement: SVGChart {
    SVGChart(
      name + "Tokens of the free run that are the reference's", x: .init("scale", .counting),
      y: .init("share of the tokens, %"),
      [
        .init(
          "", .bars,
          report.agreement.map {
            (Double($0.scale), 100 * Double($0.same) / Double(max(1, $0.total)), "")
          })
      ])
  }

  private func limit(_ name: String, _ value: Double, _ places: [Int]) -> SVGChart.Series {
    .init(
      name, .limit,
      [places.min(), places.max()].compactMap(\.self).map { (Double($0), value, "") })
  }
}
