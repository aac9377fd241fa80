import ArgumentParser
import CommandSupport
import TensorBytes

/// The program: a folder of subcommands, one file each.
@main struct Main: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "var-run",
    abstract: "Run VAR image models on the CPU.",
    discussion: """
      Without --model, $VAR_MODEL is used, else the demo model (clothes in colours).

      EXAMPLES:
        var-run generate --classes "red sneaker" --seed 1 --output sneaker.png
        var-run generate --classes 0-9 --grid grid.png
        var-run inpaint photo.png --box 0.25,0.25,0.75,0.75 --output new.png
        var-run info
      """,
    version: Version.current,
    subcommands: [
      GenerateCommand.self, InpaintCommand.self, OutpaintCommand.self, EditCommand.self,
      DecodeCommand.self, TokenizeCommand.self, ReconstructCommand.self, EvaluateCommand.self,
      SamplesCommand.self, CompareCommand.self, ParityCommand.self, ScalingCommand.self,
      InfoCommand.self, BenchCommand.self,
    ])

  static func main() { Program.run(Self.self, remedy: remedy) }
}
