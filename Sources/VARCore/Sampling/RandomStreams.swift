/// The random numbers of a batch of pictures.
package enum RandomStreams: Sendable {
  /// One generator for the whole batch, like the official code.
  case batch(RandomSource)
  /// A generator for each picture, so that it does not depend on its batch.
  case image([RandomSource])

  /// Calls `body` once for the whole batch, or once for each image, with the range of images and
  /// their generator.
  mutating func forEach(
    images: Int, _ body: (Range<Int>, inout RandomSource) throws -> Void
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

  /// Checks that there is a generator for each image.
  func validate(images: Int) throws(ModelError) {
    guard case .image(let sources) = self, sources.count != images else { return }
    throw .count(of: "seeds", expected: images, actual: sources.count)
  }
}
