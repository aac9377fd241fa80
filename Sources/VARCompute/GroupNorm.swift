import CVARKernels

/// GroupNorm with affine parameters: each group of channels of an image is brought to mean 0 and
/// variance 1, then each channel is scaled and shifted.
package struct GroupNorm: Sendable {
  /// Factor of each channel, `weight`.
  package let gamma: FloatVector
  /// Offset of each channel, `bias`.
  package let beta: FloatVector
  /// Groups that the channels are divided into.
  package let groups: Int
  /// Added to the variance.
  package let epsilon: Double

  /// Takes the parameters of a layer; `groups` divides the number of channels.
  package init(gamma: FloatVector, beta: FloatVector, groups: Int = 32, epsilon: Double = 1e-6) {
    precondition(
      groups > 0 && gamma.count == beta.count && gamma.count % groups == 0 && gamma.count > 0,
      "gamma and beta must have the same length, a multiple of the groups")
    self.gamma = gamma
    self.beta = beta
    self.groups = groups
    self.epsilon = epsilon
  }

  /// Number of channels.
  package var channels: Int { gamma.count }
}

extension Compute {
  /// GroupNorm(x), then SiLU where wanted; `output` may be `x`.
  ///
  /// A norm in front of a 3×3 convolution costs less as the `norm` of ``convolve(_:_:norm:silu:adding:into:workspace:)``.
  /// - Throws: ``ComputeError/outOfMemory(bytes:)``.
  package func groupNorm(
    _ x: FeatureMap, _ norm: GroupNorm, silu: Bool, into output: FeatureMap, workspace: Workspace
  ) throws(ComputeError) {
    precondition(output.hasShape(of: x), "input and output of GroupNorm must have one shape")
    let need = Self.normNeed(images: x.images, pixels: x.pixels, channels: x.channels)
    let memory = unsafe try workspace.take(bytes: need.affine + need.statistics)
    let affine = unsafe memory.assumingMemoryBound(to: Float.self)
    unsafe try groupNormAffine(x, norm, into: affine, scratch: memory + need.affine)
    var apply = unsafe cvar_affine(
      level: level.code, input: x.start, images: x.images, pixels: x.pixels, channels: x.channels,
      affine: affine, silu: silu, output: output.start)
    let status = unsafe cvar_affine_run(&apply, pool.pool)
    withExtendedLifetime((x, output, workspace)) {}
    try pool.check(status, scratch: 0)
  }

  /// Bytes of a workspace: a and b of each image and channel, in whole cache lines, and statistics.
  static func normNeed(images: Int, pixels: Int, channels: Int) -> (affine: Int, statistics: Int) {
    var shape = unsafe cvar_group_norm()
    unsafe shape.images = images
    unsafe shape.pixels = pixels
    unsafe shape.channels = channels
    let affine = images * 2 * channels * MemoryLayout<Float>.stride
    return (
      (affine + 63) / 64 * 64,
      unsafe cvar_group_norm_partials(&shape) * MemoryLayout<Double>.stride
    )
  }

  /// Turns statistics and parameters into x·a + b: a and b of each image and channel,
  /// [images, 2, channels].
  @unsafe func groupNormAffine(
    _ x: FeatureMap, _ norm: GroupNorm, into affine: UnsafeMutablePointer<Float>,
    scratch: UnsafeMutableRawPointer
  ) throws(ComputeError) {
    precondition(norm.channels == x.channels, "channels of map and norm differ")
    var statistics = unsafe cvar_group_norm(
      level: level.code, input: x.start, images: x.images, pixels: x.pixels, channels: x.channels,
      groups: norm.groups, gamma: norm.gamma.base, beta: norm.beta.base, epsilon: norm.epsilon,
      affine: affine, partial: scratch.assumingMemoryBound(to: Double.self))
    let status = unsafe cvar_group_norm_run(&statistics, pool.pool)
    withExtendedLifetime((x, norm)) {}
    try pool.check(status, scratch: 0)
  }
}
