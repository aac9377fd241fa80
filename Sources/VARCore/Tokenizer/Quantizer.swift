package import VARCompute
import VARModel
import VARQuant

/// The multi-scale residual quantizer with the memory of one batch.
///
/// Decoding adds phi(bicubic(h_k → p_{K−1})) to the latent picture f̂ for each scale; phi(h) is
/// (1−r)·h + r·(conv3×3(h) + bias). Always in f32: it is little work, and tokens depend on it.
package final class Quantizer {
  let weights: TokenizerWeights
  /// Images, B.
  let images: Int
  let compute: Compute
  private let axes: [ResizeAxis]
  /// f̂, [B, P, P, Z] with P = p_{K−1}.
  let latent: FloatBuffer
  /// h of the scale at hand, [B, n, Z].
  let embeddings: FloatBuffer
  private let resized: FloatBuffer  // [B, P, P, Z]
  private let convolved: FloatBuffer  // [B, P, P, Z]
  private let lines: FloatBuffer  // [p, P, Z]
  private let map: FloatBuffer  // [B, n, Z]
  private let workspace = Workspace()

  /// Allocates for a batch of `images`.
  /// - Throws: `ComputeError.outOfMemory`.
  init(_ weights: TokenizerWeights, _ compute: Compute, images: Int) throws {
    let side = weights.configuration.patchNumbers.last ?? 0
    let count = images * side * side * weights.configuration.latentChannels
    self.weights = weights
    self.images = images
    self.compute = compute.with(mode: .f32)
    axes = weights.configuration.patchNumbers.map { .bicubic(from: $0, to: side) }
    latent = try FloatBuffer(count: count)
    embeddings = try FloatBuffer(count: count)
    resized = try FloatBuffer(count: count)
    convolved = try FloatBuffer(count: count)
    lines = try FloatBuffer(count: count / images)
    map = try FloatBuffer(count: count)
    if let phi = weights.phi.first {
      try self.compute.reserve(for: phi, feature(resized), workspace: workspace)
    }
  }

  /// The memory that it holds.
  var bytes: Int {
    latent.bytes + embeddings.bytes + resized.bytes + convolved.bytes + lines.bytes + map.bytes
      + workspace.bytes
  }

  /// The codebook, [V, Z].
  package var codebook: FloatVector { weights.codebook }
  var channels: Int { weights.configuration.latentChannels }
  var patchNumbers: [Int] { weights.configuration.patchNumbers }
  private var side: Int { patchNumbers.last ?? 0 }
  private var latentCount: Int { side * side * channels }

  /// Forgets all scales: f̂ = 0.
  func reset() { latent.zero() }

  /// f̂ of all images, [B, P, P, Z].
  var features: FeatureMap { feature(latent) }

  /// Puts embeddings [B, n, Z] of the scale at hand into ``embeddings``.
  package func embed(_ values: [Float]) {
    embeddings.withMutableSpan(in: 0..<values.count) { target in
      for index in 0..<target.count { target[index] = values[index] }
    }
  }

  /// Puts the codebook's rows of one image's tokens into ``embeddings``.
  ///
  /// - Parameter tokens: valid ones, n of the scale at hand.
  func embed(_ tokens: ArraySlice<Int32>, image: Int) {
    for (index, token) in tokens.enumerated() { embed(token, row: image * tokens.count + index) }
  }

  /// Puts one codebook row into row `row` of ``embeddings``.
  func embed(_ token: Int32, row: Int) {
    let channels = channels
    let first = Int(token) * channels
    embeddings.withMutableSpan(in: row * channels..<(row + 1) * channels) { target in
      weights.codebook.withSpan(in: first..<first + channels) { codebook in
        for channel in 0..<channels { target[channel] = codebook[channel] }
      }
    }
  }

  /// Adds the embeddings of a scale to f̂.
  func accumulate(scale: Int) throws {
    try contribution(of: scale)
    latent.withMutableSpan { latent in
      resized.withSpan { resized in
        for index in 0..<latent.count { latent[index] += resized[index] }
      }
    }
  }

  /// Computes phi(bicubic(h_k → P)) of all images into `resized`; the last scale isn't resized.
  private func contribution(of scale: Int) throws {
    let count = patchNumbers[scale] * patchNumbers[scale] * channels
    for image in 0..<images {
      embeddings.withSpan(in: image * count..<(image + 1) * count) { source in
        enlarge(source, scale: scale, image: image)
      }
    }
    try compute.convolve(
      weights.phi[scale], feature(resized), into: feature(convolved), workspace: workspace)
    let ratio = weights.configuration.phiRatio
    let rest = 1 - ratio
    resized.withMutableSpan { resized in
      convolved.withSpan { convolved in
        for index in 0..<resized.count {
          resized[index] = resized[index] * rest + convolved[index] * ratio
        }
      }
    }
  }

  private func feature(_ buffer: FloatBuffer) -> FeatureMap {
    FeatureMap(buffer, images: images, height: side, width: side, channels: channels)
  }

  private func enlarge(_ source: Span<Float>, scale: Int, image: Int) {
    resized.withMutableSpan(in: image * latentCount..<(image + 1) * latentCount) { target in
      guard scale != patchNumbers.count - 1 else {
        for index in 0..<target.count { target[index] = source[index] }
        return
      }
      lines.withMutableSpan { lines in
        Resampling.bicubic(
          source, channels: channels, along: axes[scale], scratch: &lines, into: &target)
      }
    }
  }

  /// The transformer's input at a scale k > 0: f̂ averaged to p_k×p_k, [B·n, Z].
  func nextInput(scale: Int) -> FloatMatrix {
    reduce(latent, to: patchNumbers[scale])
    return map.matrix(
      rows: images * patchNumbers[scale] * patchNumbers[scale], columns: channels)
  }

  /// Area-resizes each image of [B, P, P, Z] into `map`.
  private func reduce(_ source: FloatBuffer, to target: Int) {
    let count = target * target * channels
    for image in 0..<images {
      source.withSpan(in: image * latentCount..<(image + 1) * latentCount) { source in
        map.withMutableSpan(in: image * count..<(image + 1) * count) { map in
          Resampling.area(source, channels: channels, from: side, to: target, into: &map)
        }
      }
    }
  }

  /// The residual of one image averaged to a scale's size, [n, Z].
  func reduced(_ residual: FloatBuffer, scale: Int) -> FloatMatrix {
    reduce(residual, to: patchNumbers[scale])
    return map.matrix(rows: patchNumbers[scale] * patchNumbers[scale], columns: channels)
  }

  /// residual −= the contribution that ``accumulate(scale:)`` just added to f̂.
  func subtractContribution(from residual: FloatBuffer) {
    residual.withMutableSpan { residual in
      resized.withSpan { resized in
        for index in 0..<residual.count { residual[index] -= resized[index] }
      }
    }
  }
}
