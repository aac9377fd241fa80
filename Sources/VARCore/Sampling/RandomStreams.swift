/// The random numbers of a batch of pictures.
package enum RandomStreams: Sendable {
  /// One generator for the whole batch, like the official code.
  case batch(TorchGenerator)
  /// A generator for each picture, so that it does not depend on its batch.
  case image([TorchGenerator])

  /// Calls `body` once for the whole batch, or once for each image, with the range of images and
  /// their generator.
  mutating func forEach(
    images: Int, _ body: (Range<Int>, inout TorchGenerator) throws -> Void
  ) rethrows {
    switch self {
    case .batch(var source):
      try body(0..<images, &source)
      self = .batch(source)
    case .image(var sources):
      for image in 0..<min(images, sources.count) {
        try body(image..<image + 1, &sources[image])
      }
      self = .image(sources)
    }
  }

  /// Checks that there is a generator for each image, and that a batch is not too large for one on a
  /// GPU: for an image `elements` numbers are drawn at most at once.
  package func validate(images: Int, elements: Int) throws(ModelError) {
    switch self {
    case .image(let sources):
      if sources.count != images {
        throw .count(of: "seeds", expected: images, actual: sources.count)
      }
    case .batch(.cuda):
      let limit = CUDARandom.limit / max(1, elements)
      if images > limit { throw .batchOnDevice(images: images, limit: limit) }
    case .batch(.cpu): break
    }
  }
}
