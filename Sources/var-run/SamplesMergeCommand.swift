import ArgumentParser
import CommandSupport
import TensorBytes
import VARSamples

struct SamplesMergeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "merge",
    abstract: "Put the shards of a set together.",
    discussion: """
      Every shard's pixels are checked on the way. An .npz file holds arr_0, the pictures (uint8, N×H×W×3), and \
      arr_1, their classes (int64): what the usual evaluator reads.

      EXAMPLES:
        var-run samples merge set/ --output set.npz
        var-run samples merge set/ --output pictures/
      """)

  @Argument(
    help: ArgumentHelp("The folder of the set.", valueName: "folder"), completion: .directory)
  var folder: String

  @Option(
    name: [.short, .long],
    help: ArgumentHelp(
      "An .npz file, or a folder for PNG files, which ends in /.", valueName: "file|folder"))
  var output: String

  @OptionGroup var force: ForceOption

  func run() throws {
    let folder = SampleFolder(folder)
    let merge = try SampleMerge(folder)
    let outputs = force.outputs(reading: merge.paths + [folder.planPath])
    let line = ProgressLine()
    func progress(_ done: Int) {
      line.update(
        Double(done) / Double(merge.plan.count), "\(done) of \(merge.plan.count) pictures")
    }
    if output.hasSuffix("/") {
      let files = try outputs.files(in: output, named: merge.pictureNames)
      try merge.writePictures(files, progress: progress)
    } else {
      try merge.writeArchive(outputs.file(output), progress: progress)
    }
    line.clear()
    try Console.print(["\(output)  \(Format.count(merge.plan.count, "picture"))"])
  }
}
