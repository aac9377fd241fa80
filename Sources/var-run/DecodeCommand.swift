import ArgumentParser
import CommandSupport
import Foundation
import TensorBytes
import VAR
import VARCore
import VARImages
import VARModel

struct DecodeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "decode",
    abstract: "Turn tokens into images.",
    discussion: """
      Needs the VQ-VAE half of a model only.

      EXAMPLES:
        var-run generate --classes 3 --tokens-output tokens.json
        var-run decode tokens.json --output picture.png
      """)

  @Argument(
    help: "Tokens as --tokens-output and tokenize write them.",
    completion: .file(extensions: ["json"]))
  var tokens: String

  @Option(
    name: [.short, .long],
    help: ArgumentHelp(
      """
      A PNG file, or a folder for 0000.png, 0001.png, … if it ends in / or there are several \
      images; - is the standard output. (default: named like the tokens)
      """, valueName: "file|folder"), completion: .file(extensions: ["png"]),
    transform: Console.outputPath)
  var output: String?

  @Flag(help: "Leave the program's name out of the PNG files.")
  var noMetadata = false

  @Flag(help: "Print what was made as JSON.")
  var json = false

  @OptionGroup var force: ForceOption

  @OptionGroup(title: "Model") var model: ModelOptions

  func validate() throws { try OutputKind.picture.check(output, json: json) }

  func run() throws {
    let model = try model.open()
    let codec = try ImageCodec(model, self.model.context())
    let shape = model.configuration.tokenizer
    let file = try TokensFile(
      path: tokens, patchNumbers: shape?.patchNumbers ?? [], vocabulary: shape?.vocabulary ?? 0)
    let stem = URL(filePath: tokens).deletingPathExtension().lastPathComponent
    let files = try OutputArguments.declare(
      output ?? (file.images.count == 1 ? stem + ".png" : stem + "/"), file.images.count,
      in: force.outputs(reading: [model.path, tokens])
    ) { _ in nil }
    let paths = files.map(\.path)
    let progress = ProgressLine()
    for (index, image) in file.images.enumerated() {
      progress.update(
        Double(index) / Double(file.images.count),
        "\(index) of \(file.images.count) images done")
      let picture = try codec.decode(codec.features(of: image.tokens))
      try files[index].write(picture.png(noMetadata ? [] : ImageText.software))
    }
    progress.clear()
    if json { return try Console.print(json: DecodeReport(model, paths)) }
    if paths != ["-"] { try Console.print(paths) }
  }
}

/// What `decode --json` prints.
private struct DecodeReport: Encodable {
  struct Item: Encodable {
    let file: String
  }

  let images: [Item]
  let model: String

  init(_ model: Model, _ paths: [String]) {
    images = paths.map(Item.init)
    self.model = model.checksumText
  }
}
