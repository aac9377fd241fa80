public import VARCore
public import VARImages
import VARModel

/// Which pictures to draw, and how.
///
/// A picture is decided by model, class, seed and the options below, whatever batch or number of
/// threads it is drawn with; the defaults are the official ones.
public struct Request: Sendable {
  /// What the pictures show.
  public enum Subject: Hashable, Sendable {
    /// A class, counted from 0.
    case id(Int)
    /// A class by one of its names; case doesn't matter.
    case named(String)
    /// No class.
    case unconditional
    /// A class that the picture's seed chooses.
    case random
  }

  /// What the pictures show.
  public var subject: Subject
  /// How many pictures, 1 to 100,000.
  public var count: Int
  /// Seed of the first picture; the next ones have the numbers after it.
  public var seed: UInt64
  /// Whose random numbers a seed stands for: PyTorch's on a CPU, or on a GPU of a kind.
  public var seedDevice = SeedDevice.cpu
  /// Strength of classifier-free guidance, 0 to 1000; 0 is none and halves the work. Nil is the model's
  /// own default, `Model.guidance`.
  public var guidance: Double?
  /// Only this many of the most probable tokens are drawn from; 0 is all.
  public var topK = 900
  /// Only the most probable tokens that make up this probability are drawn from; 0 is all.
  public var topP = 0.96
  /// Whether the choice of tokens is softened (`more_smooth`): for looks, not for measurements.
  public var isSmooth = false
  /// A picture of which a part is kept.
  public var edit: Edit?

  /// Asks for pictures of a class.
  public init(
    _ subject: Subject = .random, count: Int = 1,
    seed: UInt64 = UInt64(UInt32.random(in: 0...UInt32.max)), edit: Edit? = nil
  ) {
    self.subject = subject
    self.count = count
    self.seed = seed
    self.edit = edit
  }

  /// A picture of which a part is generated anew: in-painting, out-painting, editing by class.
  public struct Edit: Sendable {
    /// The picture, of any size.
    public var picture: Image
    /// The part that is generated.
    public var region: Region
    /// How the picture is brought to the model's size.
    public var fit = ImageFit.crop
    /// Whether the picture's own pixels are put back where nothing is generated; otherwise they
    /// pass through the VQ-VAE.
    public var keepsPixels: Bool
    /// Which coarse tokens are kept on both sides of the region's edge; nil for the usual rule: what
    /// touches the kept part, or the official one where something of a class is generated inside.
    public var keep: KeepRule?
    /// The first scale that is drawn; the picture's tokens of those before it are kept everywhere, so
    /// that the result is the nearer to it the higher this is.
    public var firstScale = 0

    /// Generates a region of a picture anew.
    public init(_ picture: Image, _ region: Region, keepsPixels: Bool = false) {
      self.picture = picture
      self.region = region
      self.keepsPixels = keepsPixels
    }
  }

  /// A part of a picture; a box is in fractions of the picture's sides, from its top left corner.
  public enum Region: Sendable {
    /// What a box covers is generated.
    case inside(top: Double, left: Double, bottom: Double, right: Double)
    /// What a box covers is kept.
    case outside(top: Double, left: Double, bottom: Double, right: Double)
    /// What is white in another picture is generated.
    case white(of: Image)
  }
}

/// Why a request can't be met.
public enum RequestError: Error, Equatable, Sendable, CustomStringConvertible {
  /// A number is outside its range.
  case outOfRange(name: String, value: String, allowed: String)
  /// The model has no such class.
  case subject(String)

  /// The message for the user.
  public var description: String {
    switch self {
    case .outOfRange(let name, let value, let allowed):
      "\(name) is \(value), but must be \(allowed)"
    case .subject(let reason):
      reason
    }
  }
}

extension Request {
  /// Checks the request against a model, and settles classes and random numbers.
  /// - Throws: ``RequestError``.
  package func plan(for model: Model) throws(RequestError) -> GenerationPlan {
    try check("count", count, (1...GenerationPlan.limit).contains(count), "1 to 100000")
    let guidance = guidance ?? model.guidance
    try check("guidance", guidance, (0...1000).contains(guidance), "0 to 1000")
    try check("topK", topK, topK >= 0, "0 (all) or more")
    try check("topP", topP, (0...1).contains(topP), "0 (all) to 1")
    try checkRegion()
    if let edit {
      let scales = model.configuration.transformer?.patchNumbers.count ?? 1
      try check(
        "firstScale", edit.firstScale, (0..<scales).contains(edit.firstScale),
        "0 to \(scales - 1)")
    }
    let choice = try choice(ClassList(model.configuration))
    let vocabulary = model.configuration.transformer?.vocabulary ?? 1
    return GenerationPlan(
      choices: Array(repeating: choice, count: count), classes: model.classes, seed: seed,
      seedMode: .image, seedDevice: seedDevice,
      options: SamplingOptions(
        guidance: guidance, topK: min(topK, vocabulary), topP: topP, smooth: isSmooth))
  }

  private func check(
    _ name: String, _ value: some CustomStringConvertible, _ isRight: Bool, _ allowed: String
  ) throws(RequestError) {
    if !isRight { throw .outOfRange(name: name, value: "\(value)", allowed: allowed) }
  }

  /// A box must cover something, and nothing but the picture.
  private func checkRegion() throws(RequestError) {
    switch edit?.region {
    case .inside(let top, let left, let bottom, let right),
      .outside(let top, let left, let bottom, let right):
      let isRight =
        (0...1).contains(top) && (0...1).contains(left) && (0...1).contains(bottom)
        && (0...1).contains(right) && top < bottom && left < right
      try check(
        "box", "\(top), \(left), \(bottom), \(right)", isRight,
        "fractions, 0 to 1, with top above bottom and left before right")
    case .white, nil: break
    }
  }

  private func choice(_ list: ClassList) throws(RequestError) -> ClassChoice {
    do throws(ClassListError) {
      switch subject {
      case .id(let id): return .label(try list.label(id))
      case .named(let name): return .label(try list.label(named: name))
      case .unconditional: return .label(.unconditional)
      case .random: return .random
      }
    } catch {
      throw .subject("\(error)")
    }
  }

  /// The command of var-run that does the same, for the pictures' records.
  package var command: String {
    switch (edit?.region, subject) {
    case (nil, _): "generate"
    case (.outside, _): "outpaint"
    case (_, .unconditional): "inpaint"
    default: "edit"
    }
  }
}

extension Request.Edit {
  /// Encodes what is kept.
  /// - Parameter isOfClass: whether something of a class is generated inside, as by `var-run edit`.
  func prepared(_ codec: ImageCodec, isOfClass: Bool) throws -> PictureEdit {
    let original = try picture.fitted(to: codec.side, fit)
    let side = codec.patchNumbers.last ?? 0
    let mask: EditMask
    var asked: PixelMask?
    switch region {
    case .inside(let top, let left, let bottom, let right):
      mask = EditMask(box: EditBox(top, left, bottom, right), side: side)
    case .outside(let top, let left, let bottom, let right):
      mask = EditMask(box: EditBox(top, left, bottom, right), side: side).inverted
    case .white(let painted):
      let isAlike = painted.width == picture.width && painted.height == picture.height
      let pixels = PixelMask(white: isAlike ? try painted.fitted(to: codec.side, fit) : painted)
      mask = EditMask(pixels, side: side)
      asked = pixels
    }
    let tokens = TokenEdit(
      tokens: try codec.encode(original).tokens, mask: mask,
      rule: keep ?? .usual(ofClass: isOfClass), firstScale: firstScale)
    return keepsPixels
      ? PictureEdit(tokens, compositedOver: original, asked: asked) : PictureEdit(tokens)
  }
}
