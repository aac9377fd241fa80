import CommandSupport
import TensorBytes
import VAR
import VARCore
import VARImages
import VARModel

/// Collects the pictures of a run and writes them, one by one and together.
final class ResultWriter {
  private let run: GenerationRun
  private let files: RunOutputs
  private var pictures: [Image] = []
  private var tokens: [TokensFile.Entry] = []
  /// Pictures after each scale, of each image.
  private var stages: [Int: [Image]] = [:]
  /// What shows scales where they aren't decoded.
  private var previewMap: PreviewMap?
  private var output: OutputArguments { run.output }

  init(_ run: GenerationRun, _ files: RunOutputs) {
    self.run = run
    self.files = files
  }

  /// A scale is done: decodes it where the process is to be shown.
  func add(_ scale: ScaleDrawn) throws {
    guard output.wantsScales else { return }
    let map = output.fastScales ? try previewMap ?? scale.previewMap() : nil
    previewMap = map
    for index in scale.images where run.only == nil || run.only == index {
      let picture = try map.flatMap { scale.preview(index, $0) } ?? scale.picture(index)
      stages[index, default: []].append(Self.enlarged(picture))
    }
  }

  /// A picture is done.
  func add(_ picture: DrawnPicture) throws {
    if let file = files.pictures[picture.entry.index] {
      let texts = output.noMetadata ? [] : try run.record(picture.entry).texts
      try file.write(picture.image.png(texts))
    }
    if files.grid != nil { pictures.append(Self.enlarged(picture.image)) }
    if files.tokens != nil {
      tokens.append(
        TokensFile.Entry(
          label: picture.entry.label, seed: picture.entry.seed, tokens: picture.tokens,
          drawn: run.edit == nil ? nil : picture.drawn))
    }
  }

  /// Writes what holds all images, and tells what was made.
  func finish(seconds: Double, _ images: [GenerationPlan.Entry]) throws {
    if let file = files.grid,
      let grid = Image.grid(pictures, columns: RunLayout.columns(output, images))
    {
      try file.write(grid.png(texts(.grid, images)))
    }
    if let file = files.tokens {
      let patchNumbers = run.model.configuration.transformer?.patchNumbers ?? []
      let record = output.noMetadata ? nil : try run.record(.tokens, images)?.json
      try file.write(
        TokensFile(patchNumbers: patchNumbers, images: tokens, record: record).json)
    }
    try writeStages(images)
    try report(seconds, images)
  }

  /// A picture for a grid or strip.
  private static func enlarged(_ picture: Image) -> Image {
    picture.enlarged(by: RunLayout.enlargement(picture.width))
  }

  private func texts(
    _ content: RunRecord.Content, _ images: [GenerationPlan.Entry]
  ) throws -> [ImageText] {
    output.noMetadata ? [] : try run.record(content, images)?.texts ?? []
  }

  private func writeStages(_ images: [GenerationPlan.Entry]) throws {
    let rows = images.compactMap { stages[$0.index] }.filter { !$0.isEmpty }
    if let file = files.stages,
      let strip = Image.grid(rows.flatMap { $0 }, columns: rows.first?.count)
    {
      try file.write(strip.png(texts(.stages, images)))
    }
    if let file = files.animation, let scales = rows.first?.count {
      let frames = (0..<scales).compactMap { scale in Image.grid(rows.map { $0[scale] }) }
      let animation = try Animation(frames)
      let isGIF = file.path.lowercased().hasSuffix(".gif")
      let texts = try texts(.animation, images)
      try file.write(isGIF ? animation.gif(texts) : animation.png(texts))
    }
  }

  private func report(_ seconds: Double, _ images: [GenerationPlan.Entry]) throws {
    if output.json {
      return try Console.print(json: RunReport(run, files: files, seconds: seconds, images))
    }
    var lines = images.compactMap { image in
      files.pictures[image.index].flatMap {
        $0.isStandardOutput ? nil : "\($0.path)  \(describe(image))"
      }
    }
    lines += files.collections.filter { !$0.isStandardOutput }.map(\.path)
    if files.pictures.isEmpty || output.usesStandardOutput {
      Console.note("seed \(images.first?.seed ?? 0)")
    }
    try Console.print(lines, aside: output.usesStandardOutput)
  }

  private func describe(_ image: GenerationPlan.Entry) -> String {
    let name = run.model.name(of: image.label).map { " (\($0))" } ?? ""
    return "class \(image.label.text)\(name), seed \(image.seed)"
  }
}
