import ArgumentParser
import CommandSupport
import VARCore
import VARImages

/// The part of a picture that is generated.
struct MaskArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "A box in fractions of the side: top, left, bottom, right. Several make one region.",
      valueName: "y0,x0,y1,x1"),
    transform: Self.parse)
  var box: [EditBox] = []

  @Option(
    help: ArgumentHelp(
      """
      A picture of any size: white is what is generated, or what is painted in one colour on a transparent or \
      plain ground, or what was erased from the photo (alpha). One of the photo's proportions is fitted like it.
      """, valueName: "file"), completion: .file(extensions: ["png", "jpg", "jpeg"]))
  var mask: String?

  @Option(
    help: """
      Which coarse tokens are kept, of those on both sides of the edge: official, where more than half is \
      kept, as in the official code; touched, whatever touches the kept part, which keeps its colours best; strict, \
      what lies wholly in it. (default: touched; of edit, official)
      """)
  var keep: KeepChoice?

  @Option(
    help: ArgumentHelp(
      """
      Keep the picture's tokens of all scales before this one, everywhere: the higher, the nearer to the \
      picture. Without --box and --mask the whole picture is varied.
      """, valueName: "k"))
  var fromScale = 0

  @Flag(help: "Generate what would be kept, and keep the rest.")
  var invertMask = false

  @Flag(
    help: """
      Put the original's pixels back outside the mask, with a soft edge; without it they pass \
      through the VQ-VAE.
      """)
  var composite = false

  @Flag(help: "Show the mask on the image instead of generating.")
  var preview = false

  func validate() throws {
    if fromScale < 0 {
      throw ValidationError("--from-scale must be 0 or more, but is \(fromScale).")
    }
    if !box.isEmpty ? mask != nil : mask == nil && fromScale == 0 {
      throw ValidationError("Say what to change by either --box or --mask.")
    }
  }

  private static func parse(_ text: String) throws -> EditBox {
    let numbers = text.split(separator: ",", omittingEmptySubsequences: false).map {
      Double($0.trimmingPrefix { $0 == " " })
    }
    guard numbers.count == 4, numbers.allSatisfy({ $0.map { (0...1).contains($0) } == true }) else {
      throw ValidationError("a box is four fractions, 0 to 1: top,left,bottom,right")
    }
    let values = numbers.map { $0 ?? 0 }
    guard values[0] < values[2], values[1] < values[3] else {
      throw ValidationError("the box is empty: top must be above bottom, left before right")
    }
    return EditBox(values[0], values[1], values[2], values[3])
  }

  /// Reduces the box or mask to tokens; a mask picture also tells about pixels.
  /// - Parameters:
  ///   - generateInside: whether a box says what is generated, or what is kept.
  ///   - photo: the picture before fitting; a mask of its size is fitted like it.
  ///   - side: the picture's side after fitting.
  ///   - tokens: the side of the last token map.
  func region(
    generateInside: Bool, _ photo: Image, _ fit: ImageFit, side: Int, tokens: Int
  ) throws -> (tokens: EditMask, pixels: PixelMask?) {
    if mask == nil {
      // Of a whole picture everything is generated, whatever a box would mean.
      if box.isEmpty {
        let all = EditMask(box: EditBox(0, 0, 1, 1), side: tokens)
        return (invertMask ? all.inverted : all, nil)
      }
      let mask = EditMask(boxes: box, side: tokens)
      return (generateInside == invertMask ? mask.inverted : mask, nil)
    }
    let painted = try pixels(mask ?? "", photo, fit, side)
    let wanted = invertMask ? painted.inverted : painted
    return (EditMask(wanted, side: tokens), wanted)
  }

  /// A mask of the unfitted photo's proportions is fitted like the photo.
  private func pixels(
    _ path: String, _ photo: Image, _ fit: ImageFit, _ side: Int
  ) throws -> PixelMask {
    let picture = try MaskPicture(ImageFile(path: path))
    note(picture.reading, path)
    var image = picture.image
    let difference = abs(image.width * photo.height - image.height * photo.width)
    if difference <= max(photo.width, photo.height, image.width, image.height) {
      image = try image.fitted(to: side, fit)
    }
    return PixelMask(white: image)
  }

  /// Says how a mask was read that is not white on black.
  private func note(_ reading: MaskPicture.Reading, _ path: String) {
    let kind: String
    switch reading {
    case .white: return
    case .paint: kind = "what is painted"
    case .erased: kind = "what was erased (transparent)"
    case .labels: kind = "the label 1"
    }
    Console.note("note: of \(path) \(kind) is generated; --invert-mask for the rest")
  }
}

/// The values of `--keep`.
enum KeepChoice: String, ExpressibleByArgument, CaseIterable {
  case official
  case touched
  case strict

  var rule: KeepRule {
    switch self {
    case .official: .official
    case .touched: .touched
    case .strict: .strict
    }
  }
}
