import TensorBytes
import VARCompute

/// The tokens of a batch while they are drawn, with sampler and random numbers.
///
/// Some rows at a time, so that a cancelled run ends between them: all rows of a batch would take
/// tenths of a second.
struct TokenDrawing {
  private let images: Int
  private let patchNumbers: [Int]
  private let smooth: Bool
  private let vocabulary: Int
  private let monitor: RunMonitor
  private var sampler: Sampler
  private var random: RandomStreams
  /// Each scale's tokens, [B, n].
  private var tokens: [[Int32]]

  init(
    _ request: GenerationRequest, vocabulary: Int, patchNumbers: [Int], _ images: Int,
    pool: ThreadPool, monitor: RunMonitor
  ) throws(ComputeError) {
    self.images = images
    self.monitor = monitor
    self.patchNumbers = patchNumbers
    self.vocabulary = vocabulary
    smooth = request.options.smooth
    sampler = try Sampler(vocabulary: vocabulary, options: request.options, pool: pool)
    random = request.random
    tokens = patchNumbers.map { Array(repeating: 0, count: images * $0 * $0) }
  }

  /// Draws a token for each row of logits, [B·n, V]; dropped logits become −∞.
  mutating func draw(from logits: FloatMatrix, scale: Int) throws {
    let count = logits.rows / images
    let width = vocabulary
    try random.forEach(images: images) { range, source in
      let all = range.lowerBound * count..<range.upperBound * count
      source.beginTensor(all.count * width)
      for rows in all.rowPieces(columns: width) {
        try monitor.poll()
        try logits.buffer.withMutableSpan(in: rows.lowerBound * width..<rows.upperBound * width) {
          logits in
          try unsafe tokens[scale][rows].withUnsafeMutableBufferPointer { drawn in
            var target = unsafe MutableSpan(_unsafeElements: drawn)
            try sampler.draw(from: &logits, using: &source, into: &target)
          }
        }
      }
    }
  }

  /// Puts the scale's embeddings into the quantizer: the tokens' codebook rows, or in smooth mode
  /// Gumbel softmax mixtures of all rows.
  mutating func embed(_ logits: FloatMatrix, scale: Int, with quantizer: Quantizer) throws {
    let count = logits.rows / images
    guard smooth else {
      for image in 0..<images {
        quantizer.embed(tokens[scale][image * count..<(image + 1) * count], image: image)
      }
      return
    }
    let position = SamplingOptions.position(of: scale, among: patchNumbers.count)
    let channels = quantizer.channels
    try random.forEach(images: images) { range, source in
      let all = range.lowerBound * count..<range.upperBound * count
      source.beginTensor(all.count * vocabulary)
      for rows in all.rowPieces(columns: vocabulary) {
        try monitor.poll()
        let scores = rows.lowerBound * vocabulary..<rows.upperBound * vocabulary
        let target = rows.lowerBound * channels..<rows.upperBound * channels
        try logits.buffer.withSpan(in: scores) { logits in
          try quantizer.embeddings.withMutableSpan(in: target) { embeddings in
            try quantizer.weights.codebook.withSpan { codebook in
              try sampler.smoothEmbeddings(
                of: logits, at: position, codebook: codebook, using: &source, into: &embeddings)
            }
          }
        }
      }
    }
  }

  /// One image's drawn tokens.
  func maps(image: Int) -> TokenMaps {
    TokenMaps(
      zip(tokens, patchNumbers).map { tokens, side in
        Array(tokens[image * side * side..<(image + 1) * side * side])
      })
  }
}
