import CommandSupport
import VARModel

/// Progress of a generation: images done, the scale that runs, the time left.
final class RunProgress {
  private let line = ProgressLine()
  private let images: Int
  private let patchNumbers: [Int]
  /// The decoder's share of an image's time, roughly.
  private static let decoding = 0.4

  init(images: Int, configuration: ModelConfiguration) {
    self.images = images
    patchNumbers = configuration.transformer?.patchNumbers ?? []
  }

  /// A scale of a batch is done.
  func scale(_ scale: Int, of scales: Int, images range: Range<Int>) {
    let tokens = patchNumbers.map { Double($0 * $0) }
    let share = tokens.prefix(scale + 1).reduce(0, +) / max(1, tokens.reduce(0, +))
    let done = Double(range.lowerBound) + Double(range.count) * share * (1 - Self.decoding)
    line.update(
      done / Double(images),
      "\(range.lowerBound) of \(images) images done, scale \(scale + 1) of \(scales)")
  }

  /// An image is about to be decoded.
  func decoding(_ image: Int) {
    let done = Double(image) + 1 - Self.decoding
    line.update(done / Double(images), "\(image) of \(images) images done, decoding")
  }

  func clear() { line.clear() }
}
