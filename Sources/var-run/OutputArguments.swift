import ArgumentParser
import CommandSupport
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

  @Flag(
    help: """
      Show the scales of --stages and --animate by a linear map of f̂, in microseconds instead of a \
      decoding each; no sharper than the tokens.
      """)
  var fastScales = false

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
    for (kind, option, path) in files { try kind.check(path, option, json: json) }
    if let gridColumns {
      if gridColumns < 1 {
        throw ValidationError("--grid-columns must be 1 or more, but is \(gridColumns).")
      }
      if grid == nil { throw ValidationError("--grid-columns needs --grid.") }
    }
    if fastScales, !wantsScales {
      throw ValidationError("--fast-scales needs --stages or --animate.")
    }
    if files.count(where: { $0.path == "-" }) > 1 {
      throw ValidationError("Only one thing can be written to the standard output (-).")
    }
  }

  /// Every file that was asked for, by its option.
  private var files: [(kind: OutputKind, option: String, path: String?)] {
    [
      (.picture, "--output", output), (.picture, "--grid", grid),
      (.json, "--tokens-output", tokensOutput), (.picture, "--stages", stages),
      (.animation, "--animate", animate),
    ]
  }

  /// Whether pictures go to the standard output, so that nothing else may.
  var usesStandardOutput: Bool { files.contains { $0.path == "-" } }

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
    if !isFolder, OutputKind.isFileName(output) {
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
