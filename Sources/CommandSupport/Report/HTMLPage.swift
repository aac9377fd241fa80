import Foundation
internal import TensorBytes

/// A report as one file of HTML: no scripts, nothing from elsewhere, readable in light and dark.
package struct HTMLPage {
  private let title: String
  private var body = ""

  /// Begins a page.
  /// - Parameters:
  ///   - verdict: what the report comes to, in a sentence; it stands first.
  ///   - isGood: whether that is what one hopes for; nil where there is nothing to hope.
  package init(title: String, verdict: String, isGood: Bool? = nil) {
    self.title = title
    let kind = isGood.map { $0 ? "good" : "bad" } ?? "plain"
    body =
      "<h1>\(Self.escaped(title))</h1>\n"
      + "<p class=\"verdict \(kind)\">\(Self.escaped(verdict))</p>\n"
  }

  /// Adds a heading.
  package mutating func add(heading: String) { body += "<h2>\(Self.escaped(heading))</h2>\n" }

  /// Adds a heading below one.
  package mutating func add(subheading: String) { body += "<h3>\(Self.escaped(subheading))</h3>\n" }

  /// Adds a paragraph.
  package mutating func add(text: String) { body += "<p>\(Self.escaped(text))</p>\n" }

  /// Adds a table; all columns but the first are numbers. Nothing for one without rows.
  package mutating func add(table caption: String, _ header: [String], _ rows: [[String]]) {
    if rows.isEmpty { return }
    let head = header.map { "<th scope=\"col\">\(Self.escaped($0))</th>" }.joined()
    let lines = rows.map { row in
      let cells = row.map { Self.escaped($0.printable(limit: Self.cellLimit)) }
      return "<tr><th scope=\"row\">\(cells.first ?? "")</th>"
        + cells.dropFirst().map { "<td>\($0)</td>" }.joined() + "</tr>"
    }
    body +=
      wide(
        caption,
        "<table><caption>\(Self.escaped(caption))</caption><thead><tr>\(head)</tr></thead><tbody>\n"
          + lines.joined(separator: "\n") + "\n</tbody></table>")
  }

  /// Characters of a cell that are shown.
  private static let cellLimit = 160

  /// Adds a chart; nothing for one without points.
  package mutating func add(_ chart: SVGChart) {
    if chart.isEmpty { return }
    body += wide(chart.title, "<figure class=\"chart\">\(chart.svg)</figure>")
  }

  /// What may be wider than a telephone, and is then moved by itself, by keys too.
  private func wide(_ name: String, _ content: String) -> String {
    "<div class=\"wide\" role=\"region\" tabindex=\"0\" aria-label=\"\(Self.escaped(name))\">"
      + content + "</div>\n"
  }

  /// Adds pictures side by side, each a PNG with a caption.
  package mutating func add(pictures: [(caption: String, png: [UInt8])]) {
    body += "<div class=\"pictures\">"
    for picture in pictures {
      let data = Data(picture.png).base64EncodedString()
      let caption = Self.escaped(picture.caption)
      body +=
        "<figure><img alt=\"\(caption)\" src=\"data:image/png;base64,\(data)\">"
        + "<figcaption>\(caption)</figcaption></figure>"
    }
    body += "</div>\n"
  }

  /// The page.
  package var html: [UInt8] {
    Array(
      """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
      <link rel="icon" href="data:,">
      <title>\(Self.escaped(title))</title>
      <style>\(Self.style)</style>
      </head>
      <body>
      <main>
      \(body)</main>
      </body>
      </html>

      """.utf8)
  }

  /// Text without characters that mean something to HTML, command a terminal, or turn the direction of writing.
  static func escaped(_ text: String) -> String {
    text.printableLines.reduce(into: "") { result, character in
      switch character {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      default: result.append(character)
      }
    }
  }

  private static let style = """
    :root { color-scheme: light dark; --ink: #1c1c1e; --soft: #5c5c61; --line: #d5d5da; --paper: #fff;
      --c0: #2463b0; --c1: #c2540a; --c2: #2a7d4f; --c3: #8b3fa8; --c4: #8f6c00; --c5: #b0305c; --c6: #0e7c86;
      --c7: #4a5568; --bad: #c62828; }
    @media (prefers-color-scheme: dark) { :root { --ink: #ececf0; --soft: #a8a8b0; --line: #3c3c42;
      --paper: #161618; --c0: #7fb2f0; --c1: #f0a060; --c2: #70cf9a; --c3: #cf9be8; --c4: #dcc062; --c5: #f08ab0;
      --c6: #5fd0da; --c7: #a8b4c8; --bad: #ff7b72; } }
    body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
      max-width: 60rem; margin: 2rem auto; padding: 0 1rem; overflow-wrap: anywhere; }
    h1 { font-size: 1.5rem; } h2 { font-size: 1.2rem; margin-top: 2.5rem; }
    h3 { font-size: 1rem; margin: 1.5rem 0 .5rem; }
    .verdict { font-size: 1.1rem; padding: .6rem .9rem; border-left: .3rem solid var(--c0); }
    .good { border-color: var(--c2); } .bad { border-color: var(--bad); }
    .wide { overflow-x: auto; margin: 1.2rem 0; }
    table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .92rem;
      overflow-wrap: normal; }
    caption { text-align: left; color: var(--soft); padding-bottom: .3rem; }
    th, td { padding: .25rem .7rem; text-align: right; border-bottom: 1px solid var(--line);
      white-space: nowrap; }
    thead th { color: var(--soft); font-weight: 600; } tbody th { font-weight: 400; }
    th:first-child { text-align: left; padding-left: 0; }
    figure { margin: 0; } .chart { min-width: 34rem; max-width: 45rem; }
    svg { display: block; width: 100%; height: auto; }
    .pictures { display: flex; flex-wrap: wrap; gap: 1rem; margin: .5rem 0 1rem; }
    .pictures figure { width: min(13rem, 45%); }
    .pictures img { display: block; width: 100%; image-rendering: pixelated; }
    figcaption { color: var(--soft); font-size: .9rem; }
    """
}
