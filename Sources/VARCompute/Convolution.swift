import CVARKernels
package import VARQuant

/// A 3×3 convolution of the VQ-VAE.
package struct Convolution: Sendable {
  /// How the filter moves over its input.
  package enum Form: Sendable {
    /// Stride 1, padded by one on every side.
    case same
    /// Stride 2, padded by one at the bottom and on the right only: `downsample`.
    case down
    /// Nearest-neighbour enlargement by two, then ``same``: `upsample`.
    case up
  }

  /// How the sums are computed.
  package enum Algorithm: Sendable {
    /// F(4×4, 3×3) in f32: a quarter of the multiplications, relative error up to 2e-5.
    case winograd
    /// Sums as they stand in the definition, in f32: relative error up to 3e-6. For the encoder,
    /// whose tokens decide between close distances.
    case direct
  }

  /// [Cout, 3·3·Cin], stored OHWI.
  package let weight: WeightMatrix
  /// [Cout].
  package let bias: FloatVector?
  /// Stride, padding, enlargement.
  package let form: Form
  /// How the sums are computed; ``Form/down`` and up to three output channels always ``Algorithm/direct``.
  package let algorithm: Algorithm

  /// Takes weights [Cout, 9·Cin] and a bias [Cout].
  package init(
    weight: WeightMatrix, bias: FloatVector?, form: Form = .same, algorithm: Algorithm = .winograd
  ) {
    precondition(weight.columns % 9 == 0, "a 3×3 convolution has 9·Cin columns")
    precondition(bias == nil || bias?.count == weight.rows, "bias must be [Cout]")
    self.weight = weight
    self.bias = bias
    self.form = form
    self.algorithm = algorithm
  }

  /// Channels of the input, Cin.
  package var inputChannels: Int { weight.columns / 9 }
  /// Channels of the output, Cout.
  package var outputChannels: Int { weight.rows }

  /// Height or width of the output for one of the input; ``Form/down`` needs at least 2.
  package func outputSide(_ side: Int) -> Int {
    switch form {
    case .same: side
    case .down: side / 2
    case .up: side * 2
    }
  }
}

extension Compute {
  /// output = convolution(SiLU(norm(x))) + bias + residual; norm, SiLU and residual where given.
  ///
  /// The padding is zero after the norm, as in PyTorch. Norm and residual cost no pass of their
  /// own over memory, beyond the norm's statistics.
  /// - Parameters:
  ///   - x: [images, height, width, Cin].
  ///   - norm: GroupNorm in front of the convolution.
  ///   - silu: whether SiLU stands in front of the convolution.
  ///   - residual: shaped like the output; may be the output itself: then its numbers are added to.
  ///   - output: [images, height', width', Cout], see ``Convolution/outputSide(_:)``; must not
  ///     overlap `x`.
  ///   - workspace: memory for transformed weights and statistics.
  /// - Throws: ``ComputeError/outOfMemory(bytes:)``.
  package func convolve(
    _ convolution: Convolution, _ x: FeatureMap, norm: GroupNorm? = nil, silu: Bool = false,
    adding residual: FeatureMap? = nil, into output: FeatureMap, workspace: Workspace
  ) throws(ComputeError) {
    Self.check(convolution, x, residual, output)
    var kernel = unsafe Self.plan(
      convolution, images: x.images, height: x.height, width: x.width, threads: pool.threads)
    let need = unsafe Self.need(kernel, withNorm: norm != nil)
    let memory = unsafe try workspace.take(bytes: need.affine + need.rest)
    let rest = unsafe memory + need.affine
    if let norm {
      let affine = unsafe memory.assumingMemoryBound(to: Float.self)
      unsafe try groupNormAffine(x, norm, into: affine, scratch: rest)
      unsafe kernel.affine = UnsafePointer(affine)
    }
    unsafe kernel.level = level.code
    unsafe kernel.input = UnsafePointer(x.start)
    unsafe kernel.silu = silu
    unsafe kernel.bias = convolution.bias.map { unsafe UnsafePointer($0.base) }
    unsafe kernel.residual = residual.map { unsafe UnsafePointer($0.start) }
    unsafe kernel.output = output.start
    unsafe kernel.workspace = rest
    let status = unsafe convolution.weight.withKernelWeights { weights in
      unsafe kernel.weights = weights
      return unsafe cvar_conv_run(&kernel, pool.pool)
    }
    withExtendedLifetime((convolution, x, residual, output, workspace)) {}
    try pool.check(status, scratch: unsafe kernel.plan.thread_bytes)
  }

  /// Takes the memory that a convolution without a norm needs, for maps shaped like `x`, so that it
  /// allocates nothing when it runs.
  /// - Throws: ``ComputeError/outOfMemory(bytes:)``.
  package func reserve(
    for convolution: Convolution, _ x: FeatureMap, workspace: Workspace
  ) throws(ComputeError) {
    let plan = unsafe Self.plan(
      convolution, images: x.images, height: x.height, width: x.width, threads: pool.threads)
    let need = unsafe Self.need(plan, withNorm: false)
    _ = unsafe try workspace.take(bytes: need.affine + need.rest)
    try pool.reserve(scratch: unsafe plan.plan.thread_bytes)
  }

  /// How a convolution runs over maps [images, height, width, Cin] on some threads; without pointers.
  @unsafe static func plan(
    _ convolution: Convolution, images: Int, height: Int, width: Int, threads: Int
  ) -> cvar_conv {
    var plan = unsafe cvar_conv()
    unsafe plan.algorithm =
      convolution.algorithm == .winograd ? CVAR_CONV_WINOGRAD : CVAR_CONV_DIRECT
    unsafe plan.threads = threads
    unsafe plan.images = images
    unsafe plan.height = height
    unsafe plan.width = width
    unsafe plan.cin = convolution.inputChannels
    unsafe plan.cout = convolution.outputChannels
    unsafe plan.stride = convolution.form == .down ? 2 : 1
    unsafe plan.upsample = convolution.form == .up
    unsafe cvar_conv_plan(&plan)
    return unsafe plan
  }

  /// Bytes of a workspace: a norm's factors, and what its statistics and then the convolution share.
  @unsafe static func need(_ plan: cvar_conv, withNorm: Bool) -> (affine: Int, rest: Int) {
    guard withNorm else { return (0, unsafe plan.plan.shared_bytes) }
    let norm = unsafe normNeed(
      images: plan.images, pixels: plan.height * plan.width, channels: plan.cin)
    return (norm.affine, unsafe max(plan.plan.shared_bytes, norm.statistics))
  }

  private static func check(
    _ convolution: Convolution, _ x: FeatureMap, _ residual: FeatureMap?, _ output: FeatureMap
  ) {
    precondition(x.channels == convolution.inputChannels, "channels of map and weight differ")
    precondition(
      output.images == x.images && output.channels == convolution.outputChannels
        && output.height == convolution.outputSide(x.height)
        && output.width == convolution.outputSide(x.width), "shape of the output")
    precondition(!output.overlaps(x), "input and output of a convolution must not overlap")
    guard let residual else { return }
    precondition(residual.hasShape(of: output), "shape of the residual")
    precondition(
      residual.offset == output.offset || !residual.overlaps(output),
      "the residual must be the output or not overlap it")
  }
}
