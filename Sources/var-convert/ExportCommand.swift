import ArgumentParser
import CommandSupport
import TensorBytes
import VARConversion

struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write a .varq file back as safetensors that PyTorch loads with strict=True.",
    discussion: """
      Writes var.safetensors and vae.safetensors with the official names and \
      shapes, in f32. What quantization took is not brought back.

      EXAMPLES
        var-convert export d16.varq --output d16/
      """)

  @Argument(help: "The .varq file.", completion: .file(extensions: ["varq"]))
  var file: String

  @Option(
    name: .shortAndLong, help: ArgumentHelp("The folder to write into.", valueName: "folder"),
    completion: .directory)
  var output: String

  @Flag(name: .shortAndLong, help: "Replace files that exist.")
  var force = false

  @Flag(help: "Print what was written as JSON.")
  var json = false

  func run() throws {
    let line = ProgressLine()
    let paths = try Exporter(file).write(to: output, replacing: force) {
      line.show($0)
    }
    line.clear()
    if json { return try Console.print(json: ["files": paths]) }
    try Console.print(paths.map { "wrote \($0)" })
  }
}
