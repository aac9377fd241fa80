import ArgumentParser
import VAREvaluation
import VARImages
import VARModel

/// The pictures that a command measures.
struct DataSetArguments: ParsableArguments {
  @Argument(
    help: "A folder of images in sub-folders named by class id or name.",
    completion: .directory)
  var images: String

  @Option(
    help: ArgumentHelp(
      "Classes of the images instead of sub-folders, lines of path,class.", valueName: "file"),
    completion: .file(extensions: ["csv"]))
  var labels: String?

  @Option(help: "Use this many of the images, evenly spaced.")
  var limit: Int?

  @OptionGroup var fit: FitArguments

  @Flag(
    help: """
      Leave photographs as their sensor lay, whatever their EXIF or XMP orientation says, as the \
      official code's loader does.
      """)
  var ignoreOrientation = false

  func validate() throws {
    if let limit, limit < 1 { throw ValidationError("--limit must be at least 1.") }
  }

  /// All files that are read for them.
  func files(_ list: LabelledImages) -> [String] {
    [labels].compactMap(\.self) + list.items.map(\.path)
  }

  /// Reads one of them and brings it to the model's side.
  func load(_ item: LabelledImages.Item, side: Int) throws -> Image {
    try fit.load(item.path, side: side, turned: !ignoreOrientation)
  }

  /// Lists the pictures.
  func list(needsLabels: Bool, _ configuration: ModelConfiguration) throws -> LabelledImages {
    let all =
      try labels.map { try LabelledImages(folder: images, table: $0, configuration) }
      ?? LabelledImages(folder: images, needsLabels: needsLabels, configuration)
    return all.limited(to: limit)
  }
}
