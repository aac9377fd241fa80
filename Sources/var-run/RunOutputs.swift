import TensorBytes
import VAR
import VARCore
import VARImages
import VARModel

/// The files of a run, declared before it begins.
struct RunOutputs {
  /// Where each picture goes, by its index; empty if none is written by itself.
  let pictures: [Int: OutputFile]
  let grid: OutputFile?
  let tokens: OutputFile?
  let stages: OutputFile?
  let animation: OutputFile?

  /// Declares the files.
  /// - Throws: `OutputError`, ``LayoutError`` for pictures that are too large for a PNG.
  init(_ run: GenerationRun, _ wanted: [GenerationPlan.Entry]) throws {
    let arguments = run.output
    let outputs = Outputs(
      reading: [run.model.path] + run.inputs, replacing: arguments.force ? .always : .never,
      streaming: true)
    // Without metadata nothing says what made a file, and a file that says it would be lost.
    let usual: Replacement? = arguments.force ? .always : arguments.noMetadata ? .never : nil
    let files = try arguments.pictures(run.names(wanted), in: outputs) { number in
      usual ?? .ifSame { run.record(wanted[number]).standing(of: $0) }
    }
    pictures = Dictionary(uniqueKeysWithValues: zip(wanted.map(\.index), files))
    func file(_ path: String?, _ content: RunRecord.Content) throws -> OutputFile? {
      try path.map { path in
        try outputs.file(
          path,
          replacing: usual ?? .ifSame { run.record(content, wanted)?.standing(of: $0) ?? .foreign })
      }
    }
    grid = try file(arguments.grid, .grid)
    tokens = try file(arguments.tokensOutput, .tokens)
    stages = try file(arguments.stages, .stages)
    animation = try file(arguments.animate, .animation)
    try Self.checkSizes(run, wanted)
  }

  /// The files that hold something of all images.
  var collections: [OutputFile] { [grid, tokens, stages, animation].compactMap(\.self) }

  /// Refuses pictures that no PNG can hold, before they are drawn.
  private static func checkSizes(
    _ run: GenerationRun, _ wanted: [GenerationPlan.Entry]
  ) throws {
    let side = run.model.configuration.tokenizer?.imageSide ?? 1
    let enlarged = side * RunLayout.enlargement(side)
    func check(_ option: String, _ count: Int, columns: Int?) throws {
      let (width, height) = Image.gridSize(
        count, columns: columns, width: enlarged, height: enlarged)
      guard max(width, height) > Image.longestSide else { return }
      throw LayoutError(option: option, width: width, height: height)
    }
    let scales = run.model.scaleCount
    if run.output.grid != nil {
      try check("--grid", wanted.count, columns: RunLayout.columns(run.output, wanted))
    }
    if run.output.stages != nil {
      try check("--stages", wanted.count * scales, columns: scales)
    }
    if run.output.animate != nil { try check("--animate", wanted.count, columns: nil) }
  }
}

/// How the pictures of a run are laid out in one.
enum RunLayout {
  /// Pictures a row of a grid, as asked for; else a row for each class that has several images, or
  /// about a square.
  static func columns(_ output: OutputArguments, _ images: [GenerationPlan.Entry]) -> Int? {
    if let columns = output.gridColumns { return columns }
    let classes = Dictionary(grouping: images) { $0.choice.text }
    guard classes.count > 1, let count = classes.first?.value.count, count > 1,
      classes.allSatisfy({ $0.value.count == count })
    else { return nil }
    return count
  }

  /// How often a pixel is repeated in a grid or strip, where small pictures would be hard to see: at
  /// least to 64 pixels a picture.
  static func enlargement(_ side: Int) -> Int { (63 + side) / side }
}

/// A picture of many would be larger than a PNG can be.
struct LayoutError: Error, Equatable, CustomStringConvertible {
  let option: String
  let width: Int
  let height: Int

  var description: String {
    "\(option) would be \(width)×\(height) pixels, and a PNG has at most \(Image.longestSide) a side; "
      + "draw fewer images at once" + (option == "--grid" ? ", or choose --grid-columns" : "")
  }
}
