import ArgumentParser
import VARCore

struct InpaintCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inpaint",
    abstract: "Generate a part of an image anew.",
    discussion: """
      What the box or the white of the mask covers is generated, the rest is kept.

      EXAMPLES:
        var-run inpaint photo.png --box 0.25,0.25,0.75,0.75 --preview --output preview.png
        var-run inpaint photo.png --box 0.25,0.25,0.75,0.75 --seed 3 --output new.png
        var-run inpaint photo.png --mask mask.png --count 4 --output choices/ --composite
      """)

  @OptionGroup var arguments: EditArguments

  func run() throws { try arguments.run("inpaint", generateInside: true) }
}

struct OutpaintCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "outpaint",
    abstract: "Keep a part of an image and generate everything around it.",
    discussion: """
      What the box covers is kept. In a mask, white is generated, as in the other commands.

      EXAMPLES:
        var-run outpaint photo.png --box 0.25,0.25,0.75,0.75 --seed 3 --output wide.png
      """)

  @OptionGroup var arguments: EditArguments

  func run() throws { try arguments.run("outpaint", generateInside: false) }
}

struct EditCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "edit",
    abstract: "Generate something of a class into an image.",
    discussion: """
      Like inpaint, but what is generated has a class.

      EXAMPLES:
        var-run edit photo.png --mask mask.png --classes "red sneaker" --output edited.png
        var-run edit photo.png --box 0.1,0.1,0.8,0.6 --classes 5 --cfg 4 --output edited.png
      """)

  @OptionGroup var arguments: EditArguments

  func validate() throws {
    if arguments.subject.classes.isEmpty, !arguments.mask.preview {
      throw ValidationError("Say by --classes what to generate; inpaint needs no class.")
    }
  }

  func run() throws { try arguments.run("edit", generateInside: true) }
}
