internal import Platform
package import VARCompute
package import VARCore
internal import VAREvaluation
internal import VARImages
package import VARModel

/// The pictures that a calibration is made by: as tokens, with their classes.
package struct CalibrationPictures: Sendable {
  /// The tokens of each.
  package let tokens: [TokenMaps]
  /// The class of each.
  package let labels: [ClassLabel]
  /// The files that they were read from; empty where the model drew them.
  let files: [String]
  /// How pictures of another size are brought to the model's: as the official evaluation does.
  static let fit = ImageFit.crop

  /// Draws pictures, with the model's default guidance and filters, by a generator for each.
  ///
  /// The classes come in a random order, each as often as any other.
  /// - Parameter onScale: is told how many scales of how many are done.
  package static func drawn(
    _ model: Model, _ compute: Compute, count: Int, seed: UInt64,
    onScale: (_ done: Int, _ total: Int) -> Void = { _, _ in }
  ) throws -> CalibrationPictures {
    let labels = classes(count: count, of: model.classes, seed: seed)
    let images = min(count, batchImages(model))
    let scales = model.configuration.transformer?.patchNumbers.count ?? 0
    let total = (count + images - 1) / images * scales
    // Reduced arithmetic draws as good pictures in half the time.
    let compute = compute.with(mode: .automatic(at: compute.level))
    let options = SamplingOptions(guidance: SamplingOptions.guidance(of: model.configuration))
    let generator = try Generator(
      model, compute, images: images, guided: options.guidance != 0)
    var tokens: [TokenMaps] = []
    var done = 0
    for start in stride(from: 0, to: count, by: images) {
      // A batch that is not full draws some pictures again, which are left out.
      let indices = (start..<start + images).map { min($0, count - 1) }
      let request = GenerationRequest(
        labels: indices.map { labels[$0] }, options: options,
        random: .image(indices.map { TorchGenerator(seed: seed &+ UInt64($0)) }))
      let drawn = try generator.generate(request) { event in
        switch event {
        case .block(let block, _): model.releaseBlock(block)
        case .scale:
          done += 1
          onScale(done, total)
        default: break
        }
      }
      tokens += drawn.map(\.tokens).prefix(count - start)
    }
    return CalibrationPictures(tokens: tokens, labels: labels, files: [])
  }

  /// Reads pictures, evenly spaced over a folder, and encodes them.
  package static func read(
    _ folder: String, _ model: Model, _ compute: Compute, count: Int,
    onPicture: (_ done: Int, _ total: Int) -> Void = { _, _ in }
  ) throws -> CalibrationPictures {
    let items = try LabelledImages(
      folder: folder, needsLabels: true, model.configuration
    ).limited(to: count).items
    let codec = try ImageCodec(model, compute)
    let tokens = try items.enumerated().map { index, item in
      let image = try ImageFile(path: item.path).fitted(to: codec.side, fit)
      defer { onPicture(index + 1, items.count) }
      return try codec.encode(image).tokens
    }
    return CalibrationPictures(
      tokens: tokens, labels: items.map(\.label), files: items.map(\.path))
  }

  /// The files that ``read(_:_:_:count:onPicture:)`` reads; none without a folder.
  /// - Throws: what is wrong with the folder.
  package static func files(
    in folder: String?, _ configuration: ModelConfiguration, count: Int
  ) throws -> [String] {
    guard let folder else { return [] }
    return try LabelledImages(folder: folder, needsLabels: true, configuration).limited(to: count)
      .items.map(\.path)
  }

  /// All classes in a random order, again and again.
  private static func classes(count: Int, of classes: Int, seed: UInt64) -> [ClassLabel] {
    var source = RandomSource(seed: seed)
    var order: [Int] = []
    while order.count < count, classes > 0 {
      var round = Array(0..<classes)
      for index in round.indices.dropFirst() {
        round.swapAt(index, Int(source.nextUniform() * Double(index + 1)))
      }
      order += round
    }
    return order.prefix(count).map { .id($0) }
  }

  /// Pictures that are drawn together: few enough that their caches, in f32 and for guidance, stay
  /// within half a gigabyte.
  private static func batchImages(_ model: Model) -> Int {
    guard let shape = model.configuration.transformer else { return 1 }
    let cache = 2 * 2 * 4 * shape.tokens * shape.width * shape.depth
    return max(1, min(8, (1 << 29) / cache))
  }
}
