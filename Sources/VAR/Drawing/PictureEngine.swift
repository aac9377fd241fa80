package import VARCompute
package import VARCore
package import VARImages

/// Draws the pictures of plans: the one way from a plan to pixels, for a command, a session and a
/// server.
///
/// Holds the memory of a batch from one run to the next. Not Sendable: one run at a time.
package final class PictureEngine {
  /// Pictures that are drawn together in image mode, where it makes no difference to them.
  private static let batchLimit = 4

  private let model: Model
  private let compute: Compute
  private let monitor: RunMonitor
  private let releasesWeights: Bool
  /// Encodes and decodes.
  package let codec: ImageCodec
  private var generator: Generator?

  /// Allocates the image codec; a generator comes with the first run.
  /// - Parameters:
  ///   - releasesWeights: lets go of each block's weights when the largest scales have used it, and of
  ///     the transformer before the last pictures are decoded: less memory for a program that then ends.
  ///   - isCancelled: asked between any two operations, and within them.
  /// - Throws: `ModelError` where a half is missing, `ComputeError.outOfMemory`.
  package init(
    _ model: Model, _ compute: Compute, releasesWeights: Bool = false,
    isCancelled: (@Sendable () -> Bool)? = nil
  ) throws {
    self.model = model
    self.compute = compute
    self.releasesWeights = releasesWeights
    monitor = RunMonitor(isCancelled: isCancelled, within: compute.pool)
    codec = try ImageCodec(model, compute, monitor: monitor)
  }

  /// A moment of a run.
  package enum Event {
    /// Memory for batches of so many pictures is about to be taken.
    case allocating(images: Int)
    /// A scale of a batch is done.
    case scale(ScaleDrawn)
    /// A picture is about to be decoded.
    case decoding(index: Int)
    /// A picture is done.
    case picture(DrawnPicture)
  }

  /// Draws all pictures of a plan, or the only one that is wanted.
  /// - Parameters:
  ///   - edit: what is kept of another picture.
  ///   - only: the index of the one picture to decode, when a batch is repeated for its sake.
  ///   - onEvent: sees everything happen; what it throws ends the run.
  /// - Throws: `ModelError`, `SamplingError`, `ComputeError`, `CancellationError`.
  package func run(
    _ plan: GenerationPlan, edit: PictureEdit? = nil, only: Int? = nil,
    onEvent: (Event) throws -> Void
  ) throws {
    let batches = Self.batches(of: plan)
    for (number, range) in batches.enumerated() {
      let images = try draw(range, of: plan, edit, onEvent)
      if releasesWeights, number == batches.count - 1 { releaseGenerator() }
      for (index, image) in zip(range, images) where only == nil || only == index {
        try onEvent(.decoding(index: index))
        let decoded = try codec.decode(image.features)
        try onEvent(
          .picture(
            DrawnPicture(
              entry: plan.entries[index], image: edit?.finish(decoded) ?? decoded,
              tokens: image.tokens, drawn: image.drawn)))
      }
    }
  }

  /// Draws the tokens of a batch. A function of its own, so that nothing but the property holds the
  /// generator when it is let go of.
  private func draw(
    _ range: Range<Int>, of plan: GenerationPlan, _ edit: PictureEdit?,
    _ onEvent: (Event) throws -> Void
  ) throws -> [GeneratedImage] {
    let generator = try generator(
      images: range.count, guided: plan.options.guidance != 0, onEvent)
    let scales = generator.loop.patchNumbers.count
    return try generator.generate(plan.request(range, edit: edit?.tokens)) { event in
      switch event {
      // The activations of the last scales take the place of weights, which the next reads once more.
      case .block(let block, let scale) where releasesWeights && scale >= scales - 4:
        model.releaseBlock(block)
      case .scale(let scale):
        try onEvent(.scale(ScaleDrawn(scale: scale, images: range, codec: codec, edit: edit)))
      default: break
      }
    }
  }

  /// Batches of pictures; of all at once when they share a generator of random numbers.
  private static func batches(of plan: GenerationPlan) -> [Range<Int>] {
    let count = plan.entries.count
    let size = plan.seedMode == .batch ? count : batchLimit
    return stride(from: 0, to: count, by: size).map { $0..<min($0 + size, count) }
  }

  private func generator(
    images: Int, guided: Bool, _ onEvent: (Event) throws -> Void
  ) throws -> Generator {
    if let generator, generator.images == images, generator.isGuided == guided { return generator }
    generator = nil  // before the new memory is taken: the peak is one of them, not both
    try onEvent(.allocating(images: images))
    let made = try Generator(model, compute, images: images, guided: guided, monitor: monitor)
    generator = made
    return made
  }

  private func releaseGenerator() {
    generator = nil
    model.releaseTransformer()
  }
}

/// A scale of a batch that is done.
package struct ScaleDrawn {
  private let event: ScaleEvent
  private let codec: ImageCodec
  private let edit: PictureEdit?
  /// The batch's pictures, by their indices in the plan.
  package let images: Range<Int>
  /// The scale, from 0.
  package var scale: Int { event.scale }
  /// Number of scales.
  package var scales: Int { event.scales }

  fileprivate init(
    scale: ScaleEvent, images: Range<Int>, codec: ImageCodec, edit: PictureEdit?
  ) {
    event = scale
    self.images = images
    self.codec = codec
    self.edit = edit
  }

  /// f̂ of a picture so far, [1, P, P, Z], which the next scale overwrites.
  func features(of index: Int) -> FeatureMap { event.features(image: index - images.lowerBound) }

  /// A picture as it is so far, decoded, at a decoding's price.
  package func picture(_ index: Int) throws -> Image {
    let image = try codec.decode(features(of: index))
    return edit?.finish(image) ?? image
  }

  /// A picture as it is so far by a map of f̂, in microseconds; of the picture's size, but no sharper
  /// than its tokens.
  package func preview(_ index: Int, _ map: PreviewMap) -> Image? {
    map.image(of: features(of: index))?
      .resized(width: codec.side, height: codec.side)
  }

  /// The map for ``preview(_:_:)``, at a decoding's price.
  package func previewMap() throws -> PreviewMap { try PreviewMap(codec) }
}

/// A picture of a run that is done.
package struct DrawnPicture: Sendable {
  /// What was planned.
  package let entry: GenerationPlan.Entry
  /// The pixels.
  package let image: Image
  /// Its tokens; at kept positions those of the edited picture.
  package let tokens: TokenMaps
  /// The tokens as drawn, at kept positions too.
  package let drawn: TokenMaps
}
