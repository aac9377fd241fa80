import Foundation

/// A chart of lines, points or bars as SVG, with the colours of an ``HTMLPage``: all charts of all reports.
package struct SVGChart {
  /// How values become lengths.
  package enum Scale: Sendable {
    /// In proportion.
    case linear
    /// By their logarithm; what is not positive is left out.
    case logarithmic
    /// In proportion, for numbers of things: no fractions are written beside it.
    case counting
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
      /// Joined in their order, with a mark each.
      case line
      /// A limit: joined, dashed, without marks.
      case limit
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

  /// What it shows.
  let title: String
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

  /// Whether there is nothing to be seen.
  var isEmpty: Bool { series.allSatisfy { $0.style == .limit || $0.points.isEmpty } }

  private static let width = 720.0
  private static let side = (left: 86.0, right: 24.0)
  /// Height of the plot, and of what stands above and below it besides the legend.
  private static let plot = 308.0
  private static let margin = (top: 38.0, bottom: 58.0)
  private static let legendRow = 20.0

  /// Where the plot begins and ends.
  private var top: Double { Self.margin.top + Self.legendRow * Double(legendRows.count) }
  private var bottom: Double { top + Self.plot }
  private var height: Double { bottom + Self.margin.bottom }

  /// The drawing as a file of its own: many programs that show SVG know no custom properties.
  package var file: String {
    svg.replacing(/var\(--\w+, (#\w+)\)/) { String($0.1) }
  }

  /// The chart as an element of a page, in the colours of its theme.
  package var svg: String {
    let points = series.flatMap(\.points)
    let bars = series.filter { $0.style == .bars }
    let across = Ruler(
      x.scale, points.map(\.x), from: Self.side.left, to: Self.width - Self.side.right,
      bars: bars.flatMap { $0.points.map(\.x) })
    let up = Ruler(
      y.scale, points.map(\.y) + (!bars.isEmpty && y.scale != .logarithmic ? [0] : []),
      from: bottom, to: top)
    var parts = [
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(Self.text(Self.width)) "
        + "\(Self.text(height))\" role=\"img\" aria-label=\"\(HTMLPage.escaped(title))\" "
        + "font-family=\"system-ui, sans-serif\" font-size=\"13\">",
      "<title>\(HTMLPage.escaped(title))</title>",
      text(Self.width / 2, 20, title, anchor: "middle", weight: "600"),
    ]
    parts += axes(across, up)
    for (index, series) in series.enumerated() {
      parts += draw(series, colour(index), across, up)
    }
    parts += legend()
    return parts.joined(separator: "\n") + "\n</svg>"
  }

  private static let colours = [
    "#2463b0", "#c2540a", "#2a7d4f", "#8b3fa8", "#8f6c00", "#b0305c", "#0e7c86", "#4a5568",
  ]
  private static let ink = "var(--ink, #444)"
  private static let line = "var(--line, #d5d5da)"

  private func colour(_ index: Int) -> String {
    if series[index].style == .limit { return "var(--bad, #c62828)" }
    let index = index % Self.colours.count
    return "var(--c\(index), \(Self.colours[index]))"
  }

  private func axes(_ across: Ruler, _ up: Ruler) -> [String] {
    let left = Self.side.left
    var parts: [String] = []
    for tick in across.ticks {
      let place = across.place(tick)
      parts.append(stroke(place, bottom, place, top, Self.line))
      parts.append(text(place, bottom + 18, Self.label(tick), anchor: "middle"))
    }
    for tick in up.ticks {
      let place = up.place(tick)
      parts.append(stroke(left, place, Self.width - Self.side.right, place, Self.line))
      parts.append(text(left - 8, place + 4, Self.label(tick), anchor: "end"))
    }
    let center = (left + Self.width - Self.side.right) / 2
    parts.append(text(center, height - 14, x.title, anchor: "middle"))
    let middle = Self.text((top + bottom) / 2)
    parts.append(
      "<text transform=\"translate(18 \(middle)) rotate(-90)\" text-anchor=\"middle\" "
        + "fill=\"\(Self.ink)\">\(HTMLPage.escaped(y.title))</text>")
    return parts
  }

  private func draw(_ series: Series, _ colour: String, _ across: Ruler, _ up: Ruler) -> [String] {
    let places = series.points.map { (across.place($0.x), up.place($0.y), $0.label) }
    let path = places.map { "\(Self.text($0.0)),\(Self.text($0.1))" }.joined(separator: " ")
    let line = "<polyline points=\"\(path)\" fill=\"none\" stroke=\"\(colour)\" stroke-width=\"2\""
    switch series.style {
    case .line: return [line + "/>"] + places.map { mark($0.0, $0.1, 2.5, colour) }
    case .limit: return [line + " stroke-dasharray=\"6 4\"/>"]
    case .points:
      return places.flatMap { x, y, label in
        [mark(x, y, 4, colour)]
          + (label.isEmpty ? [] : [text(x + 7, y - 6, label, anchor: "start")])
      }
    case .bars:
      let width = 0.8 * across.barWidth
      return places.map { x, y, _ in
        "<rect x=\"\(Self.text(x - width / 2))\" y=\"\(Self.text(y))\" "
          + "width=\"\(Self.text(width))\" height=\"\(Self.text(max(0, bottom - y)))\" "
          + "fill=\"\(colour)\"/>"
      }
    }
  }

  private func mark(_ x: Double, _ y: Double, _ radius: Double, _ colour: String) -> String {
    "<circle cx=\"\(Self.text(x))\" cy=\"\(Self.text(y))\" r=\"\(Self.text(radius))\" "
      + "fill=\"\(colour)\"/>"
  }

  /// The names of several series with their places in it, as many a row as fit.
  private var legendRows: [[(index: Int, name: String, x: Double)]] {
    let named = series.enumerated().filter {
      !$0.element.name.isEmpty && !$0.element.points.isEmpty
    }
    guard named.count > 1 || named.contains(where: { $0.element.style == .limit }) else {
      return []
    }
    var rows: [[(index: Int, name: String, x: Double)]] = [[]]
    var x = Self.side.left
    for (index, series) in named {
      // A letter is about seven units wide.
      let width = 40 + 7.2 * Double(series.name.count)
      if x + width > Self.width - Self.side.right, !(rows.last ?? []).isEmpty {
        rows.append([])
        x = Self.side.left
      }
      rows[rows.count - 1].append((index, series.name, x))
      x += width
    }
    return rows
  }

  private func legend() -> [String] {
    legendRows.enumerated().flatMap { row, entries in
      let y = Self.margin.top + 6 + Self.legendRow * Double(row)
      return entries.flatMap { entry in
        let colour = colour(entry.index)
        let sign =
          series[entry.index].style == .limit
          ? "<line x1=\"\(Self.text(entry.x))\" x2=\"\(Self.text(entry.x + 14))\" "
            + "y1=\"\(Self.text(y - 4))\" y2=\"\(Self.text(y - 4))\" stroke=\"\(colour)\" "
            + "stroke-width=\"2\" stroke-dasharray=\"5 3\"/>"
          : "<rect x=\"\(Self.text(entry.x))\" y=\"\(Self.text(y - 10))\" width=\"12\" "
            + "height=\"12\" fill=\"\(colour)\"/>"
        return [sign, text(entry.x + 18, y, entry.name, anchor: "start")]
      }
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
    abs(value) <= 1e300 && (self != .logarithmic || value > 0)
  }

  fileprivate func length(_ value: Double) -> Double {
    self == .logarithmic ? log10(value) : value
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
  private let step: Double

  /// - Parameter bars: where bars stand, for which there must be room on both sides.
  init(
    _ scale: SVGChart.Scale, _ values: [Double], from start: Double, to end: Double,
    bars: [Double] = []
  ) {
    self.scale = scale
    self.start = start
    self.end = end
    let lengths = values.map(scale.length)
    var low = lengths.min() ?? 0
    var high = lengths.max() ?? 1
    let places = Set(bars.map(scale.length)).sorted()
    let step = zip(places.dropFirst(), places).map { $0 - $1 }.min() ?? 1
    let isZeroBased = scale != .logarithmic && low == 0 && bars.isEmpty
    // Of values that are the same but for rounding there is one place.
    let isWide = high - low > 1e-12 * max(abs(low), abs(high), 1e-100)
    let margin =
      isWide ? (bars.isEmpty ? (high - low) * 0.06 : step / 2) : max(abs(high) * 0.1, 0.5)
    // An axis from zero begins there.
    if !isZeroBased { low -= margin }
    high += margin
    (self.low, self.high, self.step) = (low, high, step)
    ticks =
      switch scale {
      case .logarithmic: Self.powers(low, high)
      case .linear: Self.rounds(low, high, least: 0)
      case .counting: Self.rounds(low, high, least: 1)
      }
  }

  /// Room for a bar.
  var barWidth: Double { min(90, abs(end - start) * step / (high - low)) }

  func place(_ value: Double) -> Double {
    start + (scale.length(value) - low) / (high - low) * (end - start)
  }

  /// Multiples of 1, 2 or 5 times a power of ten, about six.
  private static func rounds(_ low: Double, _ high: Double, least: Double) -> [Double] {
    let rough = (high - low) / 6
    let power = pow(10, floor(log10(rough)))
    let step = max(least, [1, 2, 5, 10].map { $0 * power }.first { $0 >= rough } ?? rough)
    guard step > 0, step.isFinite else { return [] }
    return stride(from: (low / step).rounded(.up) * step, through: high, by: step).map { $0 }
  }

  /// 1, 2 and 5 times powers of ten, or the powers alone where there are many, or few of them.
  private static func powers(_ low: Double, _ high: Double) -> [Double] {
    let factors = high - low > 3 ? [1.0] : [1.0, 2, 5]
    // No more than nine: their labels must not touch.
    let every = max(1, Int(((high - low) / 9).rounded(.up)))
    return (Int(low.rounded(.down))...Int(high.rounded(.up))).filter { $0.isMultiple(of: every) }
      .flatMap { power in factors.map { $0 * pow(10, Double(power)) } }
      .filter { (low...high).contains(log10($0)) }
  }
}
