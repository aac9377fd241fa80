import ArgumentParser
import CommandSupport
import TensorBytes

@main struct Main: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "var-convert",
    abstract: "Converts PyTorch checkpoints of VAR into one memory-mapped .varq file.",
    discussion: """
      A VAR model is a pair of checkpoints: the transformer and the VQ-VAE. \
      Nothing in them is executed, and one tensor at a time is in memory.

      EXAMPLES
        var-convert convert --var var_d16.pth --vae vae.pth --output d16.varq
        var-convert inspect d16.varq
        var-convert verify d16.varq --against var_d16.pth vae.pth
        var-convert export d16.varq --output d16/
      """,
    version: Version.current,
    subcommands: [
      ConvertCommand.self, InspectCommand.self, VerifyCommand.self, ExportCommand.self,
      SensitivityCommand.self, AnnotateCommand.self,
    ])

  static func main() { Program.run(Self.self, remedy: remedy) }
}
