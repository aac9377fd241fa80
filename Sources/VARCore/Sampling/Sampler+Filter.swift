import VARCompute

/// Top-k, top-p and the exponential race over one row of logits, in memory of its own.
///
/// Work is proportional to V for the selection and to what top-k kept for everything after it.
@safe final class LogitFilter {
  private let vocabulary: Int
  private let memory = Workspace()
  /// Vocabulary indices of what top-k kept, ascending.
  private let kept: UnsafeMutableBufferPointer<UInt32>
  /// exp(logit − largest) of each kept one; 0 once top-p dropped it.
  private let weights: UnsafeMutableBufferPointer<Float>
  private let selection: RadixSelection

  /// - Throws: ``ComputeError/outOfMemory(bytes:)``.
  init(vocabulary: Int) throws(ComputeError) {
    self.vocabulary = vocabulary
    let bytes = vocabulary * MemoryLayout<UInt32>.stride
    let start = unsafe try memory.take(bytes: 2 * bytes)
    unsafe kept = UnsafeMutableBufferPointer(
      start: start.bindMemory(to: UInt32.self, capacity: vocabulary), count: vocabulary)
    unsafe weights = UnsafeMutableBufferPointer(
      start: (start + bytes).bindMemory(to: Float.self, capacity: vocabulary), count: vocabulary)
    selection = try RadixSelection(capacity: vocabulary)
  }

  /// Draws a token from `logits` [V] with the draws from `first` on; nil when a logit is not finite.
  func draw(
    _ logits: UnsafeMutableBufferPointer<Float>, _ options: SamplingOptions,
    _ draws: ExponentialDraws, first: Int
  ) -> Int32? {
    guard unsafe isFinite(logits) else { return nil }
    let count = unsafe keepLargest(options.topK, of: logits)
    unsafe weigh(count, logits)
    if options.topP > 0 { unsafe dropTail(count, topP: options.topP, logits) }
    return race(count, draws, first)
  }

  private func isFinite(_ logits: UnsafeMutableBufferPointer<Float>) -> Bool {
    var largest: UInt32 = 0
    for index in 0..<vocabulary {
      largest = max(largest, unsafe logits[index].bitPattern & 0x7fff_ffff)
    }
    return largest < Float.infinity.bitPattern
  }

  /// Lists the indices of logits not below the `topK`-th largest; ties stay.
  private func keepLargest(_ topK: Int, of logits: UnsafeMutableBufferPointer<Float>) -> Int {
    var threshold = -Float.infinity
    if topK > 0, topK < vocabulary {
      threshold = unsafe selection.largest(topK, of: UnsafeBufferPointer(logits))
    }
    var count = 0
    for index in 0..<vocabulary {
      let stays = unsafe logits[index] >= threshold
      unsafe kept[count] = UInt32(truncatingIfNeeded: index)
      count += stays ? 1 : 0
      if !stays { unsafe logits[index] = -.infinity }
    }
    return count
  }

  private func weigh(_ count: Int, _ logits: UnsafeMutableBufferPointer<Float>) {
    var largest = -Float.infinity
    for index in 0..<count { largest = max(largest, unsafe logits[Int(kept[index])]) }
    for index in 0..<count {
      unsafe weights[index] = exponential(logits[Int(kept[index])] - largest)
    }
  }

  /// Σ of the weights: the softmax's denominator.
  private func total(_ count: Int) -> Float {
    var sum = 0.0
    for index in 0..<count { sum += unsafe Double(weights[index]) }
    return Float(sum)
  }

  /// Drops the least probable while their cumulative sum is at most Float(1 − p), never the last.
  ///
  /// As `torch.cumsum` on a CPU: the sum runs in f64, each value rounded to f32.
  private func dropTail(
    _ count: Int, topP: Double, _ logits: UnsafeMutableBufferPointer<Float>
  ) {
    let limit = Float(1 - topP)
    let total = total(count)
    let order = unsafe selection.ascending(count) { unsafe logits[Int(kept[$0])] }
    var sum = 0.0
    for rank in 0..<max(0, count - 1) {
      let index = unsafe Int(order[rank])
      sum += unsafe Double(weights[index] / total)
      guard Float(sum) <= limit else { return }
      unsafe weights[index] = 0
      unsafe logits[Int(kept[index])] = -.infinity
    }
  }

  /// The first largest p/q, q exponential: `torch.multinomial` for one sample.
  private func race(_ count: Int, _ draws: ExponentialDraws, _ first: Int) -> Int32 {
    let total = total(count)
    var best: UInt32 = 0
    var bestScore = -Float.infinity
    for index in 0..<count where unsafe weights[index] > 0 {
      let token = unsafe Int(kept[index])
      let score = unsafe weights[index] / total / draws[first + token]
      if score > bestScore { (best, bestScore) = unsafe (kept[index], score) }
    }
    return Int32(truncatingIfNeeded: best)
  }
}
