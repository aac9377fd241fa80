import Foundation

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

  /// Adds a paragraph.
  package mutating func add(text: String) { body += "<p>\(Self.escaped(text))</p>\n" }

  /// Adds a table; all columns but the first are numbers.
  package mutating func add(table header: [String], _ rows: [[String]]) {
    let head = header.map { "<th scope=\"col\">\(Self.escaped($0))</th>" }.joined()
    let lines = rows.map { row in
      "<tr>" + row.map { "<td>\(Self.escaped($0))</td>" }.joined() + "</tr>"
    }
    body +=
      "<div class=\"wide\"><table><thead><tr>\(head)</tr></thead><tbody>\n"
      + lines.joined(separator: "\n") + "\n</tbody></table></div>\n"
  }

  /// Adds a chart.
  package mutating func add(_ chart: SVGChart) {
    body += "<figure>\(chart.svg)</figure>\n"
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
      <title>\(Self.escaped(title))</title>
      <style>\(Self.style)</style>
      </head>
      <body>
      \(body)</body>
      </html>

      """.utf8)
  }

  /// Text without characters that mean something to HTML, or nothing to a reader.
  static func escaped(_ text: String) -> String {
    text.unicodeScalars.reduce(into: "") { result, scalar in
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case _ where scalar.properties.generalCategory == .control && scalar != "\n":
        result += "\u{fffd}"
      default: result.unicodeScalars.append(scalar)
      }
    }
  }

  private static let style = """
    :root { color-scheme: light dark; --ink: #1c1c1e; --soft: #6b6b70; --line: #d5d5da; --paper: #fff;
      --c0: #2463b0; --c1: #c2540a; --c2: #2a7d4f; --c3: #8b3fa8; --c4: #a8851c; }
    @media (prefers-color-scheme: dark) { :root { --ink: #ececf0; --soft: #a0a0a8; --line: #3c3c42;
      --paper: #161618; --c0: #7fb2f0; --c1: #f0a060; --c2: #70cf9a; --c3: #cf9be8; --c4: #dcc062; } }
    body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
      max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
    h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
    .verdict { font-size: 1.1rem; padding: .6rem .9rem; border-left: .3rem solid var(--c0); }
    .good { border-color: var(--c2); } .bad { border-color: #c62828; }
    .wide { overflow-x: auto; }
    table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .92rem; }
    th, td { padding: .25rem .7rem; text-align: right; border-bottom: 1px solid var(--line); }
    th:first-child, td:first-child { text-align: left; }
    figure { margin: 1rem 0; } svg { max-width: 100%; height: auto; }
    .pictures { display: flex; flex-wrap: wrap; gap: 1rem; }
    .pictures figure { margin: 0; } .pictures img { width: 16rem; image-rendering: pixelated; }
    figcaption { color: var(--soft); font-size: .9rem; }
    """
}
