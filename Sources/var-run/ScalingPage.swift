import CommandSupport
import VAREvaluation

/// The page of `scaling`.
struct ScalingPage {
  private let study: ScalingStudy

  init(_ study: ScalingStudy) { self.study = study }

  static let header = [
    "law", "against", "exponent", "±", "Pearson's r", "largest: predicted", "95 %", "measured",
  ]

  /// A law as cells of a table.
  static func row(_ law: ScalingStudy.Law) -> [String] {
    [
      law.name, law.against, Format.fixed(law.fit.exponent, 3),
      Format.fixed(law.fit.exponentMargin, 3), Format.fixed(law.fit.correlation, 4),
      law.held.map { Format.fixed($0.predicted, 4) } ?? "",
      law.held.map {
        "\(Format.fixed($0.interval.lowerBound, 4)) to \(Format.fixed($0.interval.upperBound, 4))"
      } ?? "",
      law.held.map { Format.fixed($0.measured, 4) } ?? "",
    ]
  }

  /// All quantities against one, with the fitted lines, both axes logarithmic.
  func chart(_ against: String) -> SVGChart {
    let laws = study.laws.filter { $0.against == against }
    let points = laws.map { law in
      SVGChart.Series(
        law.name + ", exponent " + Format.fixed(law.fit.exponent, 3), .points,
        law.points.map { ($0.x, $0.y, "") })
    }
    let lines = laws.map { law -> SVGChart.Series in
      let places = law.points.map(\.x)
      let ends = [places.min() ?? 1, places.max() ?? 1]
      return SVGChart.Series("", .limit, ends.map { ($0, law.fit.prediction(at: $0).value, "") })
    }
    return SVGChart(
      "L (nats) and Err against \(against)", x: .init(against, .logarithmic),
      y: .init("L, nats a token; Err, share", .logarithmic), points + lines)
  }

  var html: [UInt8] {
    let laws = study.laws
    let first = laws.first
    let count = study.members.count
    var page = HTMLPage(
      title: "Scaling laws of \(count) models",
      verdict: first.map {
        "L of the last scale falls as N^\(Format.fixed($0.fit.exponent, 3)) "
          + "(± \(Format.fixed($0.fit.exponentMargin, 3)), r \(Format.fixed($0.fit.correlation, 4)))."
      } ?? "No law could be fitted.")
    page.add(
      text:
        "Lines through the logarithms, as the paper fits them (section 4.2). The interval of an exponent is at 95 %, by "
        + "Student's t. The largest model is held against what the others alone predict.")
    page.add(chart("parameters"))
    page.add(chart("training FLOP"))
    page.add(table: "Laws", Self.header, laws.map(Self.row))
    page.add(
      table: "Models",
      ["model", "parameters", "training FLOP", "L last", "L all", "Err last", "Err all"],
      study.members.map { member in
        [
          member.scaling.name, Format.fixed(member.scaling.parameters, 0),
          "\(member.scaling.trainingFLOP)", Format.fixed(member.lossTail, 4),
          Format.fixed(member.lossMean, 4), Format.fixed(member.errorTail, 4),
          Format.fixed(member.errorMean, 4),
        ]
      })
    return page.html
  }
}
