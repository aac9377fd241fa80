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

  @Flag(help: "Print what was made as JSON.")
  var json = false

  func validate() throws {
    for (option, path) in [
      ("--output", output), ("--grid", grid), ("--tokens-output", tokensOutput),
      ("--stages", stages), ("--animate", animate),
    ] {
      guard let path else { continue }
      if path.isEmpty { throw ValidationError("\(option) needs a path.") }
      if option != "--tokens-output" { try Self.checkExtension(path, option) }
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

  /// Refuses names of formats that are not written, so that no PNG is called `.jpg`.
  private static func checkExtension(_ path: String, _ option: String) throws {
    let suffix = URL(filePath: path).pathExtension.lowercased()
    let others = ["jpg", "jpeg", "webp", "bmp", "tif", "tiff", "avif", "jxl", "ppm"]
    guard others.contains(suffix) || (suffix == "gif" && option != "--animate") else { return }
    throw ValidationError(
      "\(option) writes \(option == "--animate" ? "PNG or GIF" : "PNG"), not .\(suffix).")
  }

  /// The files that hold something of all images.
  var collections: [String] { [grid, tokensOutput, stages, animate].compactMap(\.self) }

  /// Whether pictures go to the standard output, so that nothing else may.
  var usesStandardOutput: Bool {
    [output, grid, tokensOutput, stages, animate].contains("-")
  }

  /// Whether images after each scale are wanted.
  var wantsScales: Bool { stages != nil || animate != nil }

  /// Where each of the images goes; nil if they aren't written one by one. Makes the folder.
  /// - Parameter names: file names for when no output is given.
  func paths(_ names: [String]) throws -> [String]? {
    guard let output else { return grid == nil ? names : nil }
    return try Self.paths(output, count: names.count)
  }

  /// The file, or the numbered files of a folder, which is made.
  static func paths(_ output: String, count: Int) throws -> [String] {
    if output == "-", count != 1 {
      throw ValidationError(
        "Only one image can be written to the standard output, not \(count).")
    }
    guard count > 1 || output.hasSuffix("/") || Folder.exists(output) else { return [output] }
    try Folder.create(output)
    let folder = output.hasSuffix("/") ? output : output + "/"
    return (0..<count).map { index in
      let digits = String(index)
      return folder + String(repeating: "0", count: max(0, 4 - digits.count)) + digits + ".png"
    }
  }
}
