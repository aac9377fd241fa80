import ArgumentParser
import CommandSupport
import TensorBytes
import VAR
import VARCore
import VARImages
import VARModel

/// Everything that inpaint, outpaint and edit understand.
struct EditArguments: ParsableArguments {
  @OptionGroup var picture: PictureArguments
  @OptionGroup(title: "Region") var mask: MaskArguments
  @OptionGroup(title: "Subject") var subject: ClassArguments
  @OptionGroup(title: "Sampling") var sampling: SamplingArguments
  @OptionGroup(title: "Output") var output: OutputArguments
  @OptionGroup(title: "Model") var model: ModelOptions

  /// Edits the picture, or shows the mask on it.
  /// - Parameter generateInside: what a box means.
  func run(_ command: String, generateInside: Bool) throws {
    let model = try model.open()
    if !mask.preview { try model.requireBothHalves() }
    let context = try self.model.context()
    let codec = try ImageCodec(model, context)
    let photo = try picture.read()
    let original = try photo.fitted(to: codec.side, picture.fit.fit.value)
    let (region, pixels) = try mask.region(
      generateInside: generateInside, photo.image, picture.fit.fit.value, side: codec.side,
      tokens: codec.patchNumbers.last ?? 0)
    warnIfEmpty(region)
    if mask.preview {
      let shown = region.pixels(width: original.width, height: original.height)
      return try preview(original.showing(shown), command, model.path)
    }
    if mask.fromScale >= codec.patchNumbers.count {
      throw ValidationError(
        "--from-scale must be 0 to \(codec.patchNumbers.count - 1), of \(codec.patchNumbers.count) scales."
      )
    }
    let edit = TokenEdit(
      tokens: try codec.encode(original).tokens, mask: region,
      rule: mask.keep?.rule ?? .usual(ofClass: command == "edit"),
      firstScale: mask.fromScale)
    try GenerationRun(
      command: command, model: model, compute: context, plan: plan(model.configuration),
      output: output,
      edit: mask.composite
        ? PictureEdit(edit, compositedOver: original, asked: pixels) : PictureEdit(edit),
      inputs: [picture.image] + [mask.mask].compactMap(\.self),
      stem: picture.image.stem + "-" + command
    ).run()
  }

  /// Without classes the unconditional one is generated.
  private func plan(_ configuration: ModelConfiguration) throws -> GenerationPlan {
    let count = subject.count ?? 1
    let choices =
      subject.classes.isEmpty
      ? Array(repeating: .label(.unconditional), count: count) : try subject.choices(configuration)
    return sampling.plan(choices, configuration)
  }

  private func preview(_ image: Image, _ command: String, _ model: String) throws {
    let path = output.output ?? picture.image.stem + "-\(command)-preview.png"
    let outputs = Outputs(
      reading: [model, picture.image] + [mask.mask].compactMap(\.self),
      replacing: output.force ? .always : .never, streaming: true)
    try outputs.file(path).write(image.png(output.noMetadata ? [] : ImageText.software))
    try Console.print([path], aside: path == "-")
  }

  private func warnIfEmpty(_ mask: EditMask) {
    if mask.generatedCount == 0 {
      Console.note("note: the mask leaves nothing to generate; see --preview and --invert-mask")
    } else if mask.generatedCount == mask.generated.count {
      Console.note("note: the mask keeps nothing of the picture; see --preview and --invert-mask")
    }
  }
}
