import ArgumentParser

/// Sample sets: thousands of pictures for scores, over any number of processes and machines.
struct SamplesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "samples",
    abstract: "Draw a set of samples for scores, on one machine or many.",
    discussion: """
      A set is a folder of shards. Each is a function of model, arguments and its number: any number of \
      processes may make them at once, be killed and be started again; the bytes are the same.

      EXAMPLES:
        var-run samples --per-class 50 --output set/ --shards 100
        var-run samples --per-class 50 --output set/ --shards 100 --next
        var-run samples status set/
        var-run samples merge set/ --output set.npz
      """,
    subcommands: [
      SamplesRunCommand.self, SamplesStatusCommand.self, SamplesMergeCommand.self,
    ],
    defaultSubcommand: SamplesRunCommand.self)
}
