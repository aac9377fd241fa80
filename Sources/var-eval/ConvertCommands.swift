import ArgumentParser
import CommandSupport
import SafetensorsIO
import TensorBytes
import VARScores

struct ConvertInceptionCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert-inception",
    abstract: "Convert the weights of the Inception v3 that FID is measured by.",
    discussion: """
      The weights of 2015-12-05 in a PyTorch port, as pytorch-fid and torch-fidelity publish them \
      (pt_inception-2015-12-05-6726825d.pth, weights-inception-2015-12-05-6726825d.pth; Apache-2.0). Batch norms \
      are folded into the convolutions. torchvision's Inception v3 is another network.
      """)

  @OptionGroup var arguments: ConversionArguments

  func run() throws { try arguments.convert(to: .inception) }
}

struct ConvertClassifierCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert-classifier",
    abstract: "Convert the weights of the demo model's judge of garments.")

  @OptionGroup var arguments: ConversionArguments

  func run() throws { try arguments.convert(to: .classifier) }
}

/// What both conversions take.
struct ConversionArguments: ParsableArguments {
  @Argument(
    help: ArgumentHelp("A PyTorch or safetensors checkpoint.", valueName: "weights"),
    completion: .file(extensions: ["pth", "pt", "safetensors"]))
  var weights: String

  @Option(
    name: [.short, .long], help: ArgumentHelp("The .varq file to write.", valueName: "file"),
    completion: .file(extensions: ["varq"]))
  var output: String

  @OptionGroup var force: ForceOption

  func convert(to architecture: NetworkFile.Architecture) throws {
    let file = try force.outputs(reading: [weights]).file(output)
    try NetworkFile.convert(Checkpoint.open(weights), to: architecture, file)
    try Console.print(["\(output)  \(architecture.rawValue)"])
  }
}
