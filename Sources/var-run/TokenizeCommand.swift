import ArgumentParser
import CommandSupport
import TensorBytes
import VAR
import VARCore

struct TokenizeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tokenize",
    abstract: "Turn an image into tokens.",
    discussion: """
      Prints the smallest margin by which a token was nearer than the next one: where it is below \
      1e-4 or so, rounding may choose differently elsewhere.

      EXAMPLES:
        var-run tokenize photo.jpg --output photo.json
        var-run decode photo.json --output rebuilt.png
      """)

  @OptionGroup var picture: PictureArguments

  @Option(
    name: [.short, .long],
    help: ArgumentHelp(
      "The tokens as JSON; - is the standard output. (default: named like the image)",
      valueName: "file"), completion: .file(extensions: ["json"]),
    transform: Console.outputPath)
  var output: String?

  @Flag(help: "Print what was found as JSON.")
  var json = false

  @OptionGroup var force: ForceOption

  @OptionGroup(title: "Model") var model: ModelOptions

  func validate() throws { try OutputKind.json.check(output, json: json) }

  func run() throws {
    let model = try model.open()
    let path = output ?? picture.image.stem + ".json"
    let output = try force.outputs(reading: [model.path, picture.image]).file(path)
    let codec = try ImageCodec(model, self.model.context())
    let encoded = try codec.encode(picture.load(side: codec.side))
    let file = TokensFile(
      patchNumbers: codec.patchNumbers, images: [.init(tokens: encoded.tokens)])
    try output.write(file.json)
    let closest = ClosestCall(encoded)
    if json { return try Console.print(json: Report(file: path, closestCall: closest)) }
    let tokens = encoded.tokens.scales.reduce(0) { $0 + $1.count }
    try Console.print(
      ["\(path)  \(tokens) tokens, closest call \(closest.text)"], aside: path == "-")
  }

  private struct Report: Encodable {
    let file: String
    let closestCall: ClosestCall
  }
}

/// The token that was nearest to being another.
struct ClosestCall: Encodable {
  let scale: Int
  let position: Int
  let margin: Float

  init(_ image: EncodedImage) {
    var best = (scale: 0, position: 0, margin: Float.infinity)
    for (scale, margins) in image.margins.enumerated() {
      for (position, margin) in margins.enumerated() where margin < best.margin {
        best = (scale, position, margin)
      }
    }
    (scale, position, margin) = best
  }

  var text: String { "\(margin) at scale \(scale), position \(position)" }
}
