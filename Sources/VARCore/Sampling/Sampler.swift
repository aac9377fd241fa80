package import VARCompute

/// Draws tokens from logits as the official code does: top-k, top-p, then `torch.multinomial`.
///
/// All scratch memory is allocated by `init`; the random source is passed in. The random words of a
/// row are fixed by its place, so rows may be drawn by several threads with the same result.
@safe package struct Sampler {
  /// Number of token ids, V.
  package let vocabulary: Int
  /// Top-k, top-p and the rest.
  package let options: SamplingOptions
  private let pool: ThreadPool?
  /// One for each thread.
  private let filters: [LogitFilter]
  /// Random words of a CPU for a block of rows, two for each logit: [rowsPerBlock, V, 2].
  private let words: UnsafeMutableBufferPointer<UInt32>
  private let memory = Workspace()
  private let rowsPerBlock: Int

  /// Makes a sampler for rows of `vocabulary` logits, whose rows the threads of a pool share.
  /// - Throws: ``ComputeError/outOfMemory(bytes:)``.
  package init(
    vocabulary: Int, options: SamplingOptions, pool: ThreadPool? = nil
  ) throws(ComputeError) {
    self.vocabulary = vocabulary
    self.options = options
    self.pool = pool
    self.filters = try (0..<(pool?.threads ?? 1)).map { _ throws(ComputeError) in
      try LogitFilter(vocabulary: vocabulary)
    }
    // 1 MB of words: enough rows to share out, few enough to stay in the cache.
    self.rowsPerBlock = max(1, 131_072 / max(1, vocabulary))
    let count = 2 * rowsPerBlock * vocabulary
    unsafe words = UnsafeMutableBufferPointer(
      start: try memory.take(bytes: count * MemoryLayout<UInt32>.stride)
        .bindMemory(to: UInt32.self, capacity: count), count: count)
  }

  /// Mixes (1+t)·conditional − t·unconditional in place, each step rounded to f32 as torch does.
  ///
  /// - Parameters:
  ///   - conditional: [rows, V], becomes the guided logits.
  ///   - unconditional: [rows, V].
  ///   - weight: t, see ``SamplingOptions/guidanceWeight(scale:of:)``.
  /// - Throws: ``SamplingError/size(buffer:expected:actual:)``.
  package static func guide(
    _ conditional: inout MutableSpan<Float>, unconditional: Span<Float>, weight: Double
  ) throws(SamplingError) {
    try check("unconditional logits", unconditional.count, is: conditional.count)
    let gain = Float(1 + weight)
    let loss = Float(weight)
    for index in 0..<conditional.count {
      conditional[index] = gain * conditional[index] - loss * unconditional[index]
    }
  }

  /// Draws one token a row; dropped logits become −∞.
  ///
  /// A random number is used for every logit, dropped or not, in row order: rows of several images
  /// drawn by one call share a generator like the official batch.
  /// - Parameters:
  ///   - logits: [rows, V], guided; filtered afterwards.
  ///   - random: the generator, advanced by rows·V draws of the tensor at hand.
  ///   - tokens: [rows].
  /// - Throws: ``SamplingError``.
  package mutating func draw(
    from logits: inout MutableSpan<Float>, using random: inout TorchGenerator,
    into tokens: inout MutableSpan<Int32>
  ) throws(SamplingError) {
    try check("logits", logits.count, is: tokens.count * vocabulary)
    let rows = tokens.count
    var first = 0
    while first < rows {
      let count = min(rowsPerBlock, rows - first)
      let bad = unsafe logits.withUnsafeMutableBufferPointer { logits in
        unsafe tokens.withUnsafeMutableBufferPointer { tokens in
          let range = first * vocabulary..<(first + count) * vocabulary
          return unsafe drawBlock(
            UnsafeMutableBufferPointer(rebasing: logits[range]), using: &random,
            into: UnsafeMutableBufferPointer(rebasing: tokens[first..<first + count]))
        }
      }
      if let bad { throw .nonFinite(row: first + bad) }
      first += count
    }
  }

  /// Draws the rows of one block; returns the first row that is not finite.
  private mutating func drawBlock(
    _ logits: UnsafeMutableBufferPointer<Float>, using random: inout TorchGenerator,
    into tokens: UnsafeMutableBufferPointer<Int32>
  ) -> Int? {
    let draws = unsafe random.draws(logits.count, in: words)
    let block = unsafe SamplerBlock(
      width: vocabulary, options: options, filters: filters, logits: logits,
      draws: draws, tokens: tokens)
    if let pool, tokens.count > 1 {
      pool.parallel(filters.count) { block.draw(part: $0) }
    } else {
      for part in filters.indices { block.draw(part: part) }
    }
    withExtendedLifetime(memory) {}
    return unsafe tokens.firstIndex(of: SamplerBlock.notFinite)
  }
}

/// Rows of logits that are drawn together, in as many parts as there are filters.
///
/// Sendable because each part has rows and a filter of its own, and the buffers outlive the parts.
@safe private struct SamplerBlock: @unchecked Sendable {
  /// Stands for a token where a row can't be drawn from.
  static let notFinite: Int32 = -1

  let width: Int
  let options: SamplingOptions
  let filters: [LogitFilter]
  let logits: UnsafeMutableBufferPointer<Float>  // [rows, V]
  let draws: ExponentialDraws  // [rows, V]
  let tokens: UnsafeMutableBufferPointer<Int32>  // [rows]

  func draw(part: Int) {
    let rows = unsafe tokens.count
    for row in part * rows / filters.count..<(part + 1) * rows / filters.count {
      let range = row * width..<(row + 1) * width
      let token = unsafe filters[part].draw(
        UnsafeMutableBufferPointer(rebasing: logits[range]), options, draws,
        first: range.lowerBound)
      unsafe tokens[row] = token ?? Self.notFinite
    }
  }
}

func check(_ buffer: String, _ actual: Int, is expected: Int) throws(SamplingError) {
  guard actual == expected else {
    throw .size(buffer: buffer, expected: expected, actual: actual)
  }
}
