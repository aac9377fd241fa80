import ArgumentParser
import CommandSupport
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

  @Option(
    help: ArgumentHelp(
      "Sides of the token maps, if the tensors don't tell (a VQ-VAE alone).",
      valueName: "p0,p1,…"),
    transform: Self.sides)
  var patchNums: [Int]?

  @Option(help: "Attention heads, where attention is not l2-normalised (default: width / 64).")
  var heads: Int?

  @Option(help: "Weight of the phi convolutions.")
  var quantResi: Float = 0.5

  @Option(
    help: ArgumentHelp(
      "The part of a file that holds the model, such as state_dict, model or ema; . for the top level. (default: the only one)",
      valueName: "path"))
  var root: String?

  @Flag(help: "Tokens are chosen by cosine with the codebook (using_znorm).")
  var znorm = false

  @Option(
    help: ArgumentHelp(
      "Guidance that the model is drawn with where none is asked for; 0 for one that was trained to need none. (default: the official 1.5)",
      valueName: "cfg"))
  var defaultCfg: Double?

  func validate() throws {
    if checkpoints.isEmpty && transformer == nil && tokenizer == nil {
      throw ValidationError("name the checkpoints: --var FILE --vae FILE, or a training checkpoint")
    }
    if !quantResi.isFinite {
      throw ValidationError("--quant-resi must be a number, such as 0.5, but is \(quantResi)")
    }
    if let defaultCfg, !(0...1000).contains(defaultCfg) {
      throw ValidationError("--default-cfg must be 0 to 1000, but is \(defaultCfg)")
    }
  }

  /// Opens the checkpoints and infers the model. Like PyTorch's, it ignores the sign of quant_resi.
  func open() throws -> SourceModel {
    try SourceModel.open(
      transformer: transformer, tokenizer: tokenizer, others: checkpoints,
      options: ConversionOptions(
        patchNumbers: patchNums, heads: heads, phiRatio: abs(quantResi), zNormalized: znorm,
        root: root, guidance: defaultCfg))
  }

  private static func sides(_ text: String) throws -> [Int] {
    try text.split(separator: ",", omittingEmptySubsequences: false).map { part in
      guard let side = Int(part.drop { $0 == " " }), side > 0 else {
        throw ValidationError("'\(text)' is not a list of sides such as 1,2,3,4,5,6,8")
      }
      return side
    }
  }
}

extension ProgressLine {
  /// Shows how far a conversion is.
  func show(_ progress: ConversionProgress) {
    let fraction = Double(progress.done) / Double(max(1, progress.total))
    let rate = Double(4 * progress.done) / max(progress.seconds, 1e-3)
    update(
      fraction,
      "\(progress.phase.rawValue) \(Format.fixed(100 * fraction, 0)) %, "
        + "\(Format.bytes(Int(rate)))/s, \(progress.tensor)")
  }
}
