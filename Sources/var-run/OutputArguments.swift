import ArgumentParser
import CommandSupport
import Foundation
import TensorBytes

/// What is written, and where to.
struct OutputArguments: ParsableArguments {
  @Option(
    name: [.short, .long],
    help: ArgumentHelp(
      """
      A PNG file, or a folder for 0000.png, 0001.png, … if it ends in / or there are several \
      images; - is the standard output. (default: files named by class and seed; none with --grid)
      """, valueName: "file|folder"), completion: .file(extensions: ["png"]),
    transform: Console.outputPath)
  var output: String?

  @Option(
    help: ArgumentHelp("Write all images as one picture, a row for each class.", valueName: "file"),
    completion: .file(extensions: ["png"]), transform: Console.outputPath)
  var grid: String?

  @Option(
    help: ArgumentHelp(
      """
      Pictures a row of --grid. (default: as many as a class has; if one, so that the grid is about \
      a square)
      """, valueName: "n"))
  var gridColumns: Int?

  @Option(
    help: ArgumentHelp("Write the tokens as JSON, for decode.", valueName: "file"),
    completion: .file(extensions: ["json"]), transform: Console.outputPath)
  var tokensOutput: String?

  @Option(
    help: ArgumentHelp("Write one strip that shows the image after each scale.", valueName: "file"),
    completion: .file(extensions: ["png"]), transform: Console.outputPath)
  var stages: String?

  @Option(
    help: ArgumentHelp(
      "Write the image growing scale by scale, as an animated PNG or GIF.", valueName: "file"),
    completion: .file(extensions: ["png", "gif"]), transform: Console.outputPath)
  var animate: String?

  @Flag(help: "Leave arguments and model checksum out of the PNG files.")
  var noMetadata = false

  @Flag(
    name: .shortAndLong,
    help: """
      Replace files that exist. (default: only pictures and tokens that the same arguments made)
      """)
  var force = false

  @Flag(help: "Print what was made as JSON.")
  var json = false

  func validate() throws {
    for (option, path) in [
      ("--output", output), ("--grid", grid), ("--tokens-output", tokensOutput),
      ("--stages", stages), ("--animate", animate),
    ] {
      guard let path else { continue }
      if path.isEmpty { throw ValidationError("\(option) needs a path.") }
      try Self.check(path, option)
    }
    if let gridColumns {
      if gridColumns < 1 {
        throw ValidationError("--grid-columns must be 1 or more, but is \(gridColumns).")
      }
      if grid == nil { throw ValidationError("--grid-columns needs --grid.") }
    }
    let toOutput = [output, grid, tokensOutput, stages, animate].count { $0 == "-" }
    if toOutput > 1 {
      throw ValidationError("Only one thing can be written to the standard output (-).")
    }
    if toOutput == 1, json {
      throw ValidationError("--json prints to the standard output, which - already uses.")
    }
  }

  /// Suffixes of what is written, and how messages call it; without one everything is a PNG.
  private static let kinds: [String: (suffixes: Set<String>, name: String)] = [
    "--animate": (["png", "apng", "gif"], "PNG or GIF"), "--tokens-output": (["json"], "JSON"),
  ]

  /// Suffixes of other things than ours, by which nothing of ours shall be called.
  private static let known: Set<String> = [
    "png", "apng", "gif", "jpg", "jpeg", "webp", "bmp", "tif", "tiff", "avif", "heic", "jxl", "ppm",
    "svg", "pdf", "mp4", "webm", "mov", "mkv", "avi", "json", "csv", "txt", "varq", "pth", "pt",
    "safetensors",
  ]

  /// Refuses names of formats that are not written, so that no PNG is called `.jpg`.
  static func check(_ path: String, _ option: String) throws {
    let suffix = URL(filePath: path).pathExtension.lowercased()
    let (suffixes, name) = kinds[option] ?? (["png"], "PNG")
    // By its suffix an animation is told to be a GIF, so that it must have a known one.
    let isRefused = option == "--animate" ? path != "-" : known.contains(suffix)
    guard isRefused, !suffixes.contains(suffix), !path.hasSuffix("/") else { return }
    throw ValidationError("\(option) writes \(name), not .\(suffix).")
  }

  /// Whether pictures go to the standard output, so that nothing else may.
  var usesStandardOutput: Bool {
    [output, grid, tokensOutput, stages, animate].contains("-")
  }

  /// Whether images after each scale are wanted.
  var wantsScales: Bool { stages != nil || animate != nil }

  /// Declares where each of the images goes; none if they aren't written one by one.
  /// - Parameters:
  ///   - names: file names for when no output is given.
  ///   - rule: which file may be replaced by an image.
  func pictures(
    _ names: [String], in outputs: Outputs, rule: (Int) -> Replacement
  ) throws -> [OutputFile] {
    if let output { return try Self.declare(output, names.count, in: outputs, rule: rule) }
    if grid != nil { return [] }
    return try names.enumerated().map { try outputs.file($1, replacing: rule($0)) }
  }

  /// Declares the file, or the numbered files of a folder.
  static func declare(
    _ output: String, _ count: Int, in outputs: Outputs, rule: (Int) -> Replacement?
  ) throws -> [OutputFile] {
    if output == "-", count != 1 {
      throw ValidationError(
        "Only one image can be written to the standard output, not \(count).")
    }
    let isFolder = output.hasSuffix("/") || Folder.exists(output)
    if !isFolder, count == 1 { return [try outputs.file(output, replacing: rule(0))] }
    if !isFolder, known.contains(URL(filePath: output).pathExtension.lowercased()) {
      throw ValidationError(
        "--output \(output) names a file, but there are \(count) images: end it in / for a folder.")
    }
    return try (0..<count).map { index in
      let digits = String(index)
      let name = String(repeating: "0", count: max(0, 4 - digits.count)) + digits + ".png"
      return try outputs.file(name, in: output, replacing: rule(index))
    }
  }
}
