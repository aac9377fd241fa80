import ArgumentParser
import CommandSupport
import SafetensorsIO
import VARConversion

/// Which checkpoints to convert, and what their tensors cannot tell.
struct SourceOptions: ParsableArguments {
  @Argument(
    help: ArgumentHelp(
      "A training checkpoint (ar-ckpt-last.pth), or halves that are told by their tensors.",
      valueName: "checkpoint"),
    completion: .file())
  var checkpoints: [String] = []

  @Option(
    name: .customLong("var"),
    help: ArgumentHelp("The transformer's checkpoint.", valueName: "file"), completion: .file())
  var transformer: String?

  @Option(
    name: .customLong("vae"),
    help: ArgumentHelp("The VQ-VAE's checkpoint.", valueName: "file"), completion: .file())
  var tokenizer: String?

  func validate() throws {
    if checkpoints.isEmpty && transformer == nil && tokenizer == nil {
      throw ValidationError("name the checkpoints: --var FILE --vae FILE, or a training checkpoint")
    }
  }

  /// Opens the checkpoints and infers the model.
  func open() throws -> SourceModel {
    try SourceModel.recognize(
      transformer: transformer.map { try Checkpoint.open($0) },
      tokenizer: tokenizer.map { try Checkpoint.open($0) },
      others: checkpoints.map { try Checkpoint.open($0) })
  }
}

extension ProgressLine {
  /// Shows how far a conversion is.
  func show(_ progress: ConversionProgress) {
    let fraction = Double(progress.done) / Double(max(1, progress.total))
    update(
      fraction,
      "\(progress.phase.rawValue) \(Format.fixed(100 * fraction, 0)) %, \(progress.tensor)")
  }
}
