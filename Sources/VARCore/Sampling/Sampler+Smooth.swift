extension Sampler {
  /// The embeddings of smooth mode: softmax((logits·(1+r) + gumbel)/τ)·codebook.
  ///
  /// Call it after ``draw(from:using:into:)`` with the same generator; the Gumbel noise −log(q)
  /// takes a random number for every logit.
  /// - Parameters:
  ///   - logits: [rows, V] as `draw` left them, −∞ where dropped.
  ///   - position: r of the scale, see ``SamplingOptions/position(of:among:)``.
  ///   - codebook: [V, Z].
  ///   - random: the generator, advanced by rows·V draws of the tensor at hand.
  ///   - embeddings: [rows, Z].
  /// - Throws: ``SamplingError/size(buffer:expected:actual:)``.
  package mutating func smoothEmbeddings(
    of logits: Span<Float>, at position: Double, codebook: Span<Float>,
    using random: inout TorchGenerator, into embeddings: inout MutableSpan<Float>
  ) throws(SamplingError) {
    let rows = logits.count / vocabulary
    let width = codebook.count / vocabulary
    try check("logits", logits.count, is: rows * vocabulary)
    try check("codebook", codebook.count, is: width * vocabulary)
    try check("embeddings", embeddings.count, is: rows * width)
    let gain = Float(1 + position)
    let temperature = Float(SamplingOptions.smoothTemperature(at: position))
    var scores = [Float](repeating: 0, count: vocabulary)
    for row in 0..<rows {
      let draws = random.exponentials(vocabulary)
      for token in 0..<vocabulary {
        let noise = -logarithm(draws[token])
        scores[token] = (logits[row * vocabulary + token] * gain + noise) / temperature
      }
      softmax(&scores)
      for channel in 0..<width { embeddings[row * width + channel] = 0 }
      for token in 0..<vocabulary where scores[token] > 0 {
        for channel in 0..<width {
          embeddings[row * width + channel] += scores[token] * codebook[token * width + channel]
        }
      }
    }
  }

  private func softmax(_ scores: inout [Float]) {
    let largest = scores.max() ?? 0
    var sum = 0.0
    for index in scores.indices {
      scores[index] = exponential(scores[index] - largest)
      sum += Double(scores[index])
    }
    let total = Float(sum)
    for index in scores.indices { scores[index] /= total }
  }
}
