package import ArgumentParser

/// Where a command writes a page that shows its figures.
package struct ReportOption: ParsableArguments {
  @Option(
    name: .customLong("report"),
    help: ArgumentHelp(
      "Write a page of HTML that shows the figures: one file, readable without scripts.",
      valueName: "file"),
    completion: .file(extensions: ["html"]), transform: Console.outputPath)
  package var path: String?

  package init() {}

  /// Whether the standard output carries the page.
  package var isStandardOutput: Bool { path == "-" }

  /// Refuses a name that says something else.
  /// - Parameter json: whether `--json` was given.
  package func check(json: Bool) throws { try OutputKind.page.check(path, "--report", json: json) }
}
