import CommandSupport
import Foundation
import TestSupport
import Testing

/// Pages by `--report`: whole, by themselves, and with nothing in them that a file has smuggled in. What they look
/// like in a browser `make screenshots` checks.
@Suite struct ReportPageTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try CommandTable.furnish(folder)
  }

  private func page(
    _ line: String, status: Int32 = 0, after preparation: () -> String = { ":" }
  ) throws -> String {
    let prepared = try CommandRunner.shell(preparation(), in: folder.path)
    #expect(prepared.status == 0, "\(prepared.errors)")
    let result = try CommandRunner.shell(
      line + " --report page.html", in: folder.path, environment: ["VAR_MODEL": "model.varq"])
    #expect(result.status == status, "\(result.errors)")
    return String(decoding: try bytes(ofFile: folder.file("page.html")), as: UTF8.self)
  }

  private func count(_ text: String, in page: String) -> Int {
    page.components(separatedBy: text).count - 1
  }

  /// What holds of every page.
  private func expectSelfContained(_ page: String) {
    #expect(page.hasPrefix("<!DOCTYPE html>"))
    #expect(!page.contains("<script"))
    // Names that are escaped are text.
    let places = page.replacing(/&lt;.*?&gt;/, with: "").matches(
      of: /(?:src|href|url)\s*[=(]\s*"?([^" )>]*)/
    ).map(\.output.1)
    #expect(places.allSatisfy { $0.hasPrefix("data:") }, "\(places)")
    #expect(page.contains("prefers-color-scheme: dark"))
    #expect(count("<h1>", in: page) == 1)
    #expect(count("<table>", in: page) == count("<caption>", in: page))
    #expect(count("<img ", in: page) == count("<img alt=\"", in: page))
    #expect(!page.contains("<img alt=\"\""))
    #expect(count("<svg ", in: page) == count("role=\"img\" aria-label=\"", in: page))
    #expect(page.matches(of: /(?:x|y|cx|cy|width|height)="(?:nan|inf|-nan|-inf)"/).isEmpty)
    if let verdict = page.range(of: "class=\"verdict"), let chart = page.range(of: "<svg") {
      #expect(verdict.lowerBound < chart.lowerBound, "the verdict stands first")
    } else {
      Issue.record("no verdict or no chart")
    }
  }

  @Test func parity() throws {
    let page = try page("var-run parity reference.safetensors --compute f32")
    expectSelfContained(page)
    #expect(page.contains("<p class=\"verdict good\">parity: passed (f32 weights"))
    for title in [
      "Relative error by scale", "Relative error by block", "How much each block adds",
      "KL divergence by scale", "KL divergence of the predictions", "The worst tensors",
    ] { #expect(page.contains(title), "\(title)") }
    #expect(count("<img ", in: page).isMultiple(of: 4) && page.contains("difference to PyTorch"))
  }

  /// A failure has a page, too; the status is that of a failure.
  @Test func failedParity() throws {
    let page = try page(
      "var-run parity reference.safetensors --compute f32 --model wrong.varq", status: 1
    ) {
      "var-convert convert --var var.pth --vae vae.pth --type f32 --quant-resi 0.4 --output wrong.varq > w.txt"
    }
    expectSelfContained(page)
    #expect(page.contains("<p class=\"verdict bad\">parity: failed"))
    #expect(page.contains("<td>EXCEEDED</td>"))
  }

  @Test func comparison() throws {
    let line = """
      var-convert convert model.varq --type q4 --calibrate none --output q4.varq > q4.txt
      var-run compare images --model q4.varq --against model.varq --labels labels.csv
      """
    let page = try page(line)
    expectSelfContained(page)
    for title in [
      "KL divergence by scale", "KL divergence, all tokens", "What storing each block",
      "What storing each tensor", "The worst tensors", "The same classes and seeds",
    ] { #expect(page.contains(title), "\(title)") }
    #expect(count("<img ", in: page) == 3)
  }

  /// Nothing differs: no curve on a logarithmic axis, and no picture of the difference but a black one.
  @Test func comparisonWithItself() throws {
    let page = try page(
      "var-run compare images --against other.varq --labels labels.csv --compute f32")
    expectSelfContained(page)
    #expect(page.contains("no difference"))
    #expect(page.contains("0 and all below 1e-12 in the first bar"))
    #expect(!page.contains("What storing each tensor has cost"))
  }

  @Test func evaluation() throws {
    let page = try page("var-run evaluate images --labels labels.csv --compute f32")
    expectSelfContained(page)
    for title in [
      "Loss by scale", "Error by scale", "Images by their loss", "The images of the largest loss",
      "The classes of the largest loss",
    ] { #expect(page.contains(title), "\(title)") }
    #expect(count("<img ", in: page) == 3)
  }

  @Test func verification() throws {
    let line = """
      var-convert convert --var var.pth --vae vae.pth --type q4 --calibrate none --output q4.varq > q4.txt
      var-convert verify q4.varq --against var.pth vae.pth
      """
    let page = try page(line)
    expectSelfContained(page)
    #expect(page.contains("<p class=\"verdict good\">re-derived: "))
    for title in [
      "What storing each block", "What storing each tensor", "The worst tensors", "Outcomes",
    ] { #expect(page.contains(title), "\(title)") }
  }

  /// What only an index or a folder names is an input, too.
  @Test func noShardAndNoPictureIsReplaced() throws {
    let script = """
      var-convert convert sharded/model.safetensors.index.json --patch-nums 1,2,3,5,8 --output vae.varq > v.txt
      ln sharded/model-00001-of-00001.safetensors shard.html
      ln images/2/p.png picture.html
      sha256sum shard.html picture.html > before
      var-convert verify vae.varq --against sharded/model.safetensors.index.json --report shard.html --force && exit 9
      var-convert verify model.varq --against var.pth vae.pth --recalibrate --calibrate images \\
        --report picture.html --force && exit 9
      sha256sum -c --quiet before
      var-convert verify vae.varq --against sharded/model.safetensors.index.json --report fine.html
      """
    let result = try CommandRunner.shell(script, in: folder.path)
    #expect(result.status == 0, "\(result.text)\(result.errors)")
    #expect(result.errors.components(separatedBy: "an input of this command").count == 3)
  }

  /// Names of files and classes are text, whatever they are.
  @Test func hostileNamesAreText() throws {
    let line = """
      printf '<img src=x onerror=alert(1)>\\n%.0s' 1 2 3 4 5 6 7 8 > hostile.txt
      var-convert annotate model.varq --class-names hostile.txt --output '<b>"&.varq' > a.txt
      mv images/2/p.png $'images/2/<i>\\e[31m.png'
      var-run evaluate images --compute f32 --model '<b>"&.varq'
      """
    let page = try page(line)
    expectSelfContained(page)
    #expect(!page.contains("<b>") && !page.contains("<i>") && !page.contains("\u{1b}"))
    #expect(!page.contains("<img src"))
    #expect(page.contains("&lt;b&gt;&quot;&amp;.varq"))
    #expect(page.contains("&lt;img src=x onerror=alert(1)&gt;"))
    #expect(page.contains("&lt;i&gt;\\x1b[31m.png"))
  }

  /// The page on the standard output, and the figures beside it.
  @Test func aPageMayBePiped() throws {
    let result = try CommandRunner.shell(
      "var-run parity reference.safetensors --compute f32 --report -", in: folder.path,
      environment: ["VAR_MODEL": "model.varq"])
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.text.hasPrefix("<!DOCTYPE html>") && result.text.hasSuffix("</html>\n"))
    #expect(result.errors.contains("parity: passed"))
    let verified = try CommandRunner.shell(
      "var-convert verify model.varq --against var.pth vae.pth --report -", in: folder.path)
    #expect(verified.text.hasPrefix("<!DOCTYPE html>"), "\(verified.errors)")
    #expect(try !folder.names().contains("-"))
    for arguments in ["--json --report -", "--output - --report -", "--report page.png"] {
      let refused = try CommandRunner.shell(
        "var-run parity reference.safetensors --compute f32 " + arguments, in: folder.path,
        environment: ["VAR_MODEL": "model.varq"])
      #expect(refused.status != 0 && refused.output.isEmpty, "\(arguments)")
    }
  }
}

@Suite struct SVGChartTests {
  private func chart(
    _ values: [(Double, Double)], _ style: SVGChart.Series.Style, _ scale: SVGChart.Scale
  ) -> String {
    SVGChart(
      "t", x: .init("x", scale), y: .init("y", scale),
      [.init("", style, values.map { ($0.0, $0.1, "") })]
    ).svg
  }

  /// Nothing that is drawn lies outside of the picture, whatever the values.
  @Test(arguments: [
    [], [(0, 0)], [(1, 1)], [(-5, 1e300), (5, -1e300)], [(1, .nan), (2, .infinity), (3, 1)],
    [(1e-300, 1e-300), (1e300, 1e300)], [(3, 7), (3, 7)], [(0, .leastNonzeroMagnitude), (1, 0)],
  ])
  func everyPlaceIsInThePicture(values: [(Double, Double)]) throws {
    for style in [SVGChart.Series.Style.line, .points, .bars, .limit] {
      for scale in [SVGChart.Scale.linear, .logarithmic, .counting] {
        let svg = chart(values, style, scale)
        #expect(!svg.contains("nan") && !svg.contains("inf"), "\(values) \(style) \(scale)")
        for match in svg.matches(of: /\s(?:c?[xy]|[xy][12])="(-?[0-9.]+)"/) {
          let place = try #require(Double(match.output.1))
          #expect((-1...721).contains(place), "\(values) \(style) \(scale): \(match.output.0)")
        }
        #expect(svg.utf8.count < 20_000)
      }
    }
  }

  @Test func labelsOfCountsAreWhole() {
    let svg = chart([(0, 0), (1, 1), (2, 3)], .line, .counting)
    #expect(!svg.contains(">0.5<") && svg.contains(">2<"))
  }
}
