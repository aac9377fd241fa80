import ArgumentParser
import CommandSupport
import TensorBytes
import VARConversion

struct AnnotateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "annotate",
    abstract: "Give a .varq file other labels: class names, a name, a license.",
    discussion: """
      Copies the tensors as they are, so that the same arguments draw the same \
      pictures, and generate --from-png goes on taking pictures of the file as it \
      was. What is set with --meta is printed by inspect and info, and stays with \
      the model through further conversions.

      EXAMPLES
        var-convert annotate mine.varq --class-names classes.txt --output named.varq
        var-convert annotate mine.varq --output named.varq \\
          --meta name=birds-d16 --meta license=MIT --meta url=https://example.org/birds
      """)

  @Argument(help: "The .varq file.", completion: .file(extensions: ["varq"]))
  var file: String

  @Option(
    name: .shortAndLong, help: ArgumentHelp("The .varq file to write.", valueName: "file"),
    completion: .file(extensions: ["varq"]))
  var output: String

  @Option(
    help: ArgumentHelp("Names of the classes, one a line.", valueName: "file"), completion: .file())
  var classNames: String?

  @Option(
    name: .customLong("meta"),
    help: ArgumentHelp(
      "What to say about the model: name, license, description, url, or a key of your own; an empty value takes it back.",
      valueName: "key=value"),
    transform: Label.init)
  var labels: [Label] = []

  @Flag(name: .shortAndLong, help: "Replace the output if it exists.")
  var force = false

  func validate() throws {
    if classNames == nil && labels.isEmpty {
      throw ValidationError("nothing to change: give --class-names or --meta")
    }
    if output.isEmpty || Console.outputPath(output) == "-" {
      throw ValidationError("--output needs a file: a .varq file is not written as a stream")
    }
  }

  func run() throws {
    let target = try Outputs(
      reading: [file] + [classNames].compactMap(\.self), replacing: force ? .always : .never
    ).file(output)
    var annotator = try Annotator(file)
    if let classNames { try annotator.nameClasses(from: classNames) }
    for label in labels { try annotator.set(label.key, label.value) }
    let line = ProgressLine()
    try annotator.write(to: target) { line.show($0) }
    line.clear()
    try Console.print(["wrote \(target.path)"])
  }
}

/// `KEY=VALUE` of --meta.
struct Label {
  let key: String
  let value: String

  init(_ text: String) throws {
    guard let separator = text.firstIndex(of: "="), separator != text.startIndex else {
      throw ValidationError("'\(text)' is not of the form key=value")
    }
    key = String(text[..<separator])
    value = String(text[text.index(after: separator)...])
  }
}
