import ArgumentParser
import CommandSupport
import VAR
import VARCompute
import VARCore
import VARModel

struct GenerateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "generate",
    abstract: "Generate images.",
    discussion: """
      Every image is decided by model, class, seed and the sampling options. In f32 these are the \
      tokens of the official code on a CPU.

      EXAMPLES:
        var-run generate --classes "red sneaker" --seed 1 --output sneaker.png
        var-run generate --classes 3,7 --count 4 --output pictures/ --grid grid.png
        var-run generate --classes 207 --seed 0 --cfg 4 --stages strip.png --animate growth.png
        var-run generate --from-png sneaker.png --output again.png
        var-run generate --classes none --output - | display
      """)

  @OptionGroup(title: "Subject") var subject: ClassArguments
  @OptionGroup(title: "Sampling") var sampling: SamplingArguments
  @OptionGroup(title: "Output") var output: OutputArguments
  @OptionGroup(title: "Model") var model: ModelOptions

  @Option(
    name: .customLong("from-png"),
    help: ArgumentHelp(
      "Repeat a picture by what its metadata says; no other sampling option applies.",
      valueName: "file"), completion: .file(extensions: ["png"]))
  var fromPNG: String?

  func validate() throws {
    if fromPNG != nil, subject.isGiven || sampling.isGiven {
      throw ValidationError(
        "--from-png takes classes, seed and sampling options from the picture; give none of them.")
    }
  }

  func run() throws {
    let model = try model.open()
    try model.requireBothHalves()
    if let fromPNG { return try repeated(fromPNG, model) }
    let plan = sampling.plan(try subject.choices(model.configuration), model.configuration)
    try GenerationRun(
      command: "generate", model: model, compute: self.model.context(), plan: plan, output: output
    ).run()
  }

  /// Makes a picture again; the mode and instruction set that made it are used where the machine
  /// has them.
  private func repeated(_ path: String, _ model: Model) throws {
    let record = try PictureRecord(path: path)
    guard model.isModel(of: record) else {
      throw PictureRecordError.otherModel(
        path: path, recorded: record.model, actual: model.weightsChecksumText)
    }
    if record.edit?.isComposite == true { throw PictureRecordError.composite(path: path) }
    let level = CPULevel(rawValue: record.cpuLevel).flatMap { $0.isAvailable ? $0 : nil }
    if level == nil {
      Console.note(
        "note: this CPU lacks the level \(record.cpuLevel), which made \(path); "
          + "single pixels may differ")
    }
    let context = try self.model.context(
      recorded: ComputeMode(rawValue: record.compute), level: level)
    if context.mode.rawValue != record.compute {
      Console.note(
        "note: \(path) was made with --compute \(record.compute), and --compute \(context.mode.rawValue) "
          + "was asked for: it may draw other tokens")
    }
    try GenerationRun(
      command: record.command, model: model, compute: context,
      plan: record.plan(model.configuration), output: output, only: record.index,
      edit: try record.edit.map { try $0.edit(path) }, inputs: [path]
    ).run()
  }
}
