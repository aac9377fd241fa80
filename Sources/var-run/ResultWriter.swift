import CommandSupport
import VAR
import VARCore
import VARImages
import VARModel

/// Collects the pictures of a run and writes them, one by one and together.
final class ResultWriter {
  private let run: GenerationRun
  /// Where each image goes, by its index; empty if none is written by itself.
  private let files: [Int: String]
  private var pictures: [Image] = []
  private var tokens: [TokensFile.Entry] = []
  /// Pictures after each scale, of each image.
  private var stages: [Int: [Image]] = [:]
  private var output: OutputArguments { run.output }

  init(run: GenerationRun, files: [Int: String]) {
    self.run = run
    self.files = files
  }

  /// A scale is done: decodes it where the process is to be shown.
  func add(_ scale: ScaleDrawn) throws {
    guard output.wantsScales else { return }
    for index in scale.images where run.only == nil || run.only == index {
      stages[index, default: []].append(Self.enlarged(try scale.picture(index)))
    }
  }

  /// A picture is done.
  func add(_ picture: DrawnPicture) throws {
    if let path = files[picture.entry.index] {
      let texts = output.noMetadata ? [] : try run.record(picture.entry).texts
      try Console.write(picture.image.png(texts), to: path)
    }
    if output.grid != nil { pictures.append(Self.enlarged(picture.image)) }
    if output.tokensOutput != nil {
      tokens.append(
        TokensFile.Entry(
          label: picture.entry.label, seed: picture.entry.seed, tokens: picture.tokens,
          drawn: run.edit == nil ? nil : picture.drawn))
    }
  }

  /// Writes what holds all images, and tells what was made.
  func finish(seconds: Double, _ images: [GenerationPlan.Entry]) throws {
    if let path = output.grid, let grid = Image.grid(pictures, columns: columns(images)) {
      try Console.write(grid.png(texts), to: path)
    }
    if let path = output.tokensOutput {
      let patchNumbers = run.model.configuration.transformer?.patchNumbers ?? []
      try Console.write(TokensFile(patchNumbers: patchNumbers, images: tokens).json, to: path)
    }
    try writeStages(images)
    try report(seconds, images)
  }

  /// As asked for; else a row for each class that has several images, or about a square.
  private func columns(_ images: [GenerationPlan.Entry]) -> Int? {
    if let columns = output.gridColumns { return columns }
    let classes = Dictionary(grouping: images) { $0.choice.text }
    guard classes.count > 1, let count = classes.first?.value.count, count > 1,
      classes.allSatisfy({ $0.value.count == count })
    else { return nil }
    return count
  }

  /// A picture for a grid or strip, where small ones would be hard to see: at least 64 pixels wide.
  private static func enlarged(_ picture: Image) -> Image {
    picture.enlarged(by: (63 + picture.width) / picture.width)
  }

  private var texts: [ImageText] { output.noMetadata ? [] : ImageText.software }

  private func writeStages(_ images: [GenerationPlan.Entry]) throws {
    let rows = images.compactMap { stages[$0.index] }.filter { !$0.isEmpty }
    if let path = output.stages,
      let strip = Image.grid(rows.flatMap { $0 }, columns: rows.first?.count)
    {
      try Console.write(strip.png(texts), to: path)
    }
    if let path = output.animate, let scales = rows.first?.count {
      let frames = (0..<scales).compactMap { scale in Image.grid(rows.map { $0[scale] }) }
      let animation = try Animation(frames)
      let isGIF = path.lowercased().hasSuffix(".gif")
      try Console.write(isGIF ? animation.gif() : animation.png(texts), to: path)
    }
  }

  private func report(_ seconds: Double, _ images: [GenerationPlan.Entry]) throws {
    if output.json {
      return try Console.print(json: RunReport(run, files: files, seconds: seconds, images))
    }
    var lines = images.compactMap { image in
      files[image.index].flatMap { $0 == "-" ? nil : "\($0)  \(describe(image))" }
    }
    lines += [output.grid, output.tokensOutput, output.stages, output.animate].compactMap { $0 }
      .filter { $0 != "-" }
    if files.isEmpty || output.usesStandardOutput {
      Console.note("seed \(images.first?.seed ?? 0)")
    }
    try Console.print(lines, aside: output.usesStandardOutput)
  }

  private func describe(_ image: GenerationPlan.Entry) -> String {
    let name = run.model.name(of: image.label).map { " (\($0))" } ?? ""
    return "class \(image.label.text)\(name), seed \(image.seed)"
  }
}
