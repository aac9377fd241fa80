import ArgumentParser
import CommandSupport
import TensorBytes
import VAR
import VARCompute
import VARCore
import VARImages

struct ReconstructCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reconstruct",
    abstract: "Turn an image into tokens and back, and measure what that costs.",
    discussion: """
      EXAMPLES:
        var-run reconstruct photo.jpg --output rebuilt.png
        var-run reconstruct photo.jpg --output rebuilt.png --scales
      """)

  @OptionGroup var picture: PictureArguments

  @Option(
    name: [.short, .long],
    help: ArgumentHelp(
      "The PNG to write; - is the standard output. (default: IMAGE-reconstructed.png)",
      valueName: "file"), completion: .file(extensions: ["png"]),
    transform: Console.outputPath)
  var output: String?

  @Flag(help: "Write the picture after each scale, too: OUTPUT-scale0.png, OUTPUT-scale1.png, …")
  var scales = false

  @Flag(help: "Print the PSNR as JSON.")
  var json = false

  @OptionGroup var force: ForceOption

  @OptionGroup(title: "Model") var model: ModelOptions

  private var path: String { output ?? picture.image.stem + "-reconstructed.png" }

  func validate() throws {
    try OutputKind.picture.check(output)
    if output == "-", json || scales {
      throw ValidationError("With --output - neither --json nor --scales can be used.")
    }
  }

  func run() throws {
    let model = try model.open()
    let outputs = force.outputs(reading: [model.path, picture.image])
    let file = try outputs.file(path)
    let scaleFiles = try (0..<(scales ? model.scaleCount : 0)).map {
      try outputs.file(path.replacingSuffix("-scale\($0).png"))
    }
    let codec = try ImageCodec(model, self.model.context())
    let original = try picture.load(side: codec.side)
    let encoded = try codec.encode(original)
    var steps: [Step] = []
    let features = try codec.features(of: encoded.tokens) { scale, features in
      guard scales else { return }
      steps.append(try write(features, to: scaleFiles[scale], codec, original))
    }
    let final = try write(features, to: file, codec, original)
    if json { return try Console.print(json: Report(steps: steps, final)) }
    let lines = (steps + [final]).map { "\($0.file)  PSNR \(Format.fixed($0.psnr, 2)) dB" }
    try Console.print(lines, aside: path == "-")
  }

  private func write(
    _ features: FeatureMap, to file: OutputFile, _ codec: ImageCodec, _ original: Image
  ) throws -> Step {
    let image = try codec.decode(features)
    try file.write(image.png(ImageText.software))
    return Step(file: file.path, psnr: image.psnr(to: original) ?? .nan)
  }

  private struct Step: Encodable {
    let file: String
    let psnr: Double
  }

  private struct Report: Encodable {
    let file: String
    let psnr: Double
    let scales: [Step]?

    init(steps: [Step], _ final: Step) {
      file = final.file
      psnr = final.psnr
      scales = steps.isEmpty ? nil : steps
    }
  }
}
