import Foundation

/// A chart of lines, points or bars as SVG, with the colours of an ``HTMLPage``.
package struct SVGChart {
  /// How values become lengths.
  package enum Scale: Sendable {
    /// In proportion.
    case linear
    /// By their logarithm; what is not positive is left out.
    case logarithmic
  }

  /// An axis.
  package struct Axis: Sendable {
    /// What it measures, with the unit.
    let title: String
    /// How.
    let scale: Scale

    /// Makes an axis.
    package init(_ title: String, _ scale: Scale = .linear) {
      self.title = title
      self.scale = scale
    }
  }

  /// Values that belong together.
  package struct Series: Sendable {
    /// How they are drawn.
    package enum Style: Sendable {
      /// Joined in their order.
      case line
      /// A mark and a label each.
      case points
      /// From the axis to the value.
      case bars
    }

    /// Its name in the legend; empty for none.
    let name: String
    let style: Style
    let points: [(x: Double, y: Double, label: String)]

    /// Makes a series.
    package init(_ name: String, _ style: Style, _ points: [(x: Double, y: Double, label: String)])
    {
      self.name = name
      self.style = style
      self.points = points
    }
  }

  private let title: String
  private let x: Axis
  private let y: Axis
  private let series: [Series]

  /// Makes a chart.
  /// - Parameter title: what it shows, also for those who can't see it.
  package init(_ title: String, x: Axis, y: Axis, _ series: [Series]) {
    self.title = title
    self.x = x
    self.y = y
    self.series = series.map { series in
      Series(
        series.name, series.style,
        series.points.filter { x.scale.admits($0.x) && y.scale.admits($0.y) })
    }
  }

  private static let width = 720.0
  private static let height = 400.0
  private static let frame = (left: 86.0, right: 24.0, top: 34.0, bottom: 58.0)

  /// The chart as an element that may stand in a page, or alone in a file.
  package var svg: String {
    let points = series.flatMap(\.points)
    let hasBars = series.contains { $0.style == .bars }
    let across = Ruler(
      x.scale, points.map(\.x), from: Self.frame.left, to: Self.width - Self.frame.right)
    let up = Ruler(
      y.scale, points.map(\.y) + (hasBars && y.scale == .linear ? [0] : []),
      from: Self.height - Self.frame.bottom, to: Self.frame.top)
    var parts = [
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(Self.text(Self.width)) "
        + "\(Self.text(Self.height))\" role=\"img\" aria-label=\"\(HTMLPage.escaped(title))\" "
        + "font-family=\"system-ui, sans-serif\" font-size=\"13\">",
      "<title>\(HTMLPage.escaped(title))</title>",
      text(Self.width / 2, 18, title, anchor: "middle", weight: "600"),
    ]
    parts += axes(across, up)
    for (index, series) in series.enumerated() {
      parts += draw(series, "var(--c\(index % 5), \(Self.colours[index % 5]))", across, up)
    }
    parts += legend()
    return parts.joined(separator: "\n") + "\n</svg>"
  }

  private static let colours = ["#2463b0", "#c2540a", "#2a7d4f", "#8b3fa8", "#a8851c"]
  private static let ink = "var(--ink, #444)"
  private static let line = "var(--line, #d5d5da)"

  private func axes(_ across: Ruler, _ up: Ruler) -> [String] {
    let (left, bottom) = (Self.frame.left, Self.height - Self.frame.bottom)
    var parts: [String] = []
    for tick in across.ticks {
      let place = across.place(tick)
      parts.append(stroke(place, bottom, place, Self.frame.top, Self.line))
      parts.append(text(place, bottom + 18, Self.label(tick), anchor: "middle"))
    }
    for tick in up.ticks {
      let place = up.place(tick)
      parts.append(stroke(left, place, Self.width - Self.frame.right, place, Self.line))
      parts.append(text(left - 8, place + 4, Self.label(tick), anchor: "end"))
    }
    parts.append(text((left + Self.width) / 2, Self.height - 14, x.title, anchor: "middle"))
    let middle = Self.text((Self.frame.top + bottom) / 2)
    parts.append(
      "<text transform=\"translate(18 \(middle)) rotate(-90)\" text-anchor=\"middle\" "
        + "fill=\"\(Self.ink)\">\(HTMLPage.escaped(y.title))</text>")
    return parts
  }

  private func draw(_ series: Series, _ colour: String, _ across: Ruler, _ up: Ruler) -> [String] {
    let places = series.points.map { (across.place($0.x), up.place($0.y), $0.label) }
    switch series.style {
    case .line:
      let path = places.map { "\(Self.text($0.0)),\(Self.text($0.1))" }.joined(separator: " ")
      return [
        "<polyline points=\"\(path)\" fill=\"none\" stroke=\"\(colour)\" stroke-width=\"2\"/>"
      ]
    case .points:
      return places.flatMap { x, y, label in
        [
          "<circle cx=\"\(Self.text(x))\" cy=\"\(Self.text(y))\" r=\"4\" fill=\"\(colour)\"/>",
          text(x + 7, y - 6, label, anchor: "start"),
        ]
      }
    case .bars:
      let base = Self.height - Self.frame.bottom
      let room = (Self.width - Self.frame.left - Self.frame.right) / Double(max(1, places.count))
      return places.map { x, y, _ in
        "<rect x=\"\(Self.text(x - room * 0.4))\" y=\"\(Self.text(y))\" "
          + "width=\"\(Self.text(room * 0.8))\" height=\"\(Self.text(max(0, base - y)))\" "
          + "fill=\"\(colour)\"/>"
      }
    }
  }

  private func legend() -> [String] {
    let named = series.enumerated().filter { !$0.element.name.isEmpty }
    guard named.count > 1 else { return [] }
    return named.enumerated().flatMap { row, entry in
      let y = Self.frame.top + 16 + 18 * Double(row)
      let x = Self.width - Self.frame.right - 170
      return [
        "<rect x=\"\(Self.text(x))\" y=\"\(Self.text(y - 10))\" width=\"12\" height=\"12\" "
          + "fill=\"var(--c\(entry.offset % 5), \(Self.colours[entry.offset % 5]))\"/>",
        text(x + 18, y, entry.element.name, anchor: "start"),
      ]
    }
  }

  private func stroke(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ colour: String)
    -> String
  {
    "<line x1=\"\(Self.text(x1))\" y1=\"\(Self.text(y1))\" x2=\"\(Self.text(x2))\" "
      + "y2=\"\(Self.text(y2))\" stroke=\"\(colour)\"/>"
  }

  private func text(
    _ x: Double, _ y: Double, _ content: String, anchor: String, weight: String = "400"
  ) -> String {
    "<text x=\"\(Self.text(x))\" y=\"\(Self.text(y))\" text-anchor=\"\(anchor)\" "
      + "font-weight=\"\(weight)\" fill=\"\(Self.ink)\">\(HTMLPage.escaped(content))</text>"
  }

  private static func text(_ value: Double) -> String { String(format: "%.1f", value) }

  private static func label(_ value: Double) -> String {
    if value == 0 { return "0" }
    let magnitude = abs(value)
    return magnitude < 1e-3 || magnitude >= 1e5
      ? String(format: "%.0e", value).replacingOccurrences(of: "e-0", with: "e-")
      : String(format: "%g", (value * 1e6).rounded() / 1e6)
  }
}

extension SVGChart.Scale {
  fileprivate func admits(_ value: Double) -> Bool {
    value.isFinite && (self == .linear || value > 0)
  }

  fileprivate func length(_ value: Double) -> Double {
    self == .linear ? value : log10(value)
  }
}

/// Where values lie on an axis, and which of them are written beside it.
private struct Ruler {
  private let scale: SVGChart.Scale
  private let low: Double
  private let high: Double
  private let start: Double
  private let end: Double
  /// The values that are written.
  let ticks: [Double]

  init(_ scale: SVGChart.Scale, _ values: [Double], from start: Double, to end: Double) {
    self.scale = scale
    self.start = start
    self.end = end
    let lengths = values.map(scale.length)
    var low = lengths.min() ?? 0
    var high = lengths.max() ?? 1
    let margin = high > low ? (high - low) * 0.06 : max(abs(high) * 0.1, 0.5)
    // An axis from zero begins there.
    if scale == .logarithmic || low != 0 { low -= margin }
    high += margin
    (self.low, self.high) = (low, high)
    ticks = scale == .linear ? Self.rounds(low, high) : Self.powers(low, high)
  }

  func place(_ value: Double) -> Double {
    start + (scale.length(value) - low) / (high - low) * (end - start)
  }

  /// Multiples of 1, 2 or 5 times a power of ten, about six.
  private static func rounds(_ low: Double, _ high: Double) -> [Double] {
    let rough = (high - low) / 6
    let power = pow(10, floor(log10(rough)))
    let step = [1, 2, 5, 10].map { $0 * power }.first { $0 >= rough } ?? rough
    return stride(from: (low / step).rounded(.up) * step, through: high, by: step).map { $0 }
  }

  /// 1, 2 and 5 times powers of ten, or the powers alone where there are many.
  private static func powers(_ low: Double, _ high: Double) -> [Double] {
    let factors = high - low > 3 ? [1.0] : [1.0, 2, 5]
    return (Int(low.rounded(.down))...Int(high.rounded(.up))).flatMap { power in
      factors.map { $0 * pow(10, Double(power)) }
    }.filter { (low...high).contains(log10($0)) }
  }
}
