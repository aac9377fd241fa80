import ArgumentParser
import CommandSupport
import VARImages

/// The picture that a command reads.
struct PictureArguments: ParsableArguments {
  @Argument(
    help: "A PNG or JPEG file.", completion: .file(extensions: ["png", "jpg", "jpeg"]))
  var image: String

  @OptionGroup var fit: FitArguments

  /// Reads the picture as it is.
  func read() throws -> ImageFile { try fit.read(image) }

  /// Reads the picture and brings it to the model's side.
  func load(side: Int) throws -> Image { try fit.load(image, side: side) }
}

/// How a picture of another size is brought to the model's.
struct FitArguments: ParsableArguments {
  @Option(
    help: """
      For a picture of another size: crop scales the shorter edge to 1.125 × the side and takes \
      the middle, as the official evaluation does; pad keeps all of it between black borders; \
      exact refuses it.
      """)
  var fit: FitChoice = .crop

  /// Reads a picture as it is.
  func read(_ path: String, turned: Bool = true) throws -> ImageFile {
    let file = try ImageFile(path: path, turned: turned)
    if file.opacity != nil { Console.note("note: \(path): its transparency is left out") }
    return file
  }

  /// Reads a picture and brings it to the model's side.
  func load(_ path: String, side: Int, turned: Bool = true) throws -> Image {
    try read(path, turned: turned).fitted(to: side, fit.value)
  }
}

/// The values of `--fit`.
enum FitChoice: String, ExpressibleByArgument, CaseIterable {
  case crop
  case pad
  case exact

  var value: ImageFit {
    switch self {
    case .crop: .crop
    case .pad: .pad
    case .exact: .exact
    }
  }
}
