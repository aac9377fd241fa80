import ArgumentParser
import CommandSupport
import TensorBytes

/// The program: a folder of subcommands, one file each.
@main struct Main: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "var-eval",
    abstract:
      "Score sets of pictures on the CPU: FID, sFID, Inception Score, precision and recall.",
    discussion: """
      EXAMPLES:
        var-eval convert-inception pt_inception-2015-12-05-6726825d.pth -o i.varq
        var-eval score set.npz --reference reference.npz --inception i.varq
      """,
    version: Version.current,
    subcommands: [
      ScoreCommand.self, ConvertInceptionCommand.self, ConvertClassifierCommand.self,
    ])

  static func main() { Program.run(Self.self, remedy: remedy) }
}
