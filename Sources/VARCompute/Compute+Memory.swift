import CVARKernels

/// What operations and buffers will hold, computed from shapes as they compute it themselves; nothing
/// is allocated. What they do hold, each says by `bytes`.
extension Compute {
  /// The memory of ``activations(rows:columns:mode:)``.
  package static func activationBytes(
    rows: Int, columns: Int, mode: ComputeMode, level: CPULevel = .best
  ) -> Int {
    ActivationBuffer.bytes(rows: rows, columns: columns, arithmetic: mode.arithmetic(at: level))
  }

  /// The memory of a ``Workspace`` that serves a convolution over maps [images, height, width, Cin],
  /// with a norm in front of it or without. One that serves several holds the largest.
  package static func workspaceBytes(
    for convolution: Convolution, images: Int = 1, height: Int, width: Int, withNorm: Bool,
    threads: Int
  ) -> Int {
    let plan = unsafe plan(
      convolution, images: images, height: height, width: width, threads: threads)
    let need = unsafe need(plan, withNorm: withNorm)
    return Workspace.bytes(need: need.affine + need.rest)
  }

  /// The memory of a ``Workspace`` that serves ``groupNorm(_:_:silu:into:workspace:)``.
  package static func workspaceBytes(
    normOf channels: Int, images: Int = 1, height: Int, width: Int
  ) -> Int {
    let need = normNeed(images: images, pixels: height * width, channels: channels)
    return Workspace.bytes(need: need.affine + need.statistics)
  }

  /// The scratch memory of all threads for linear layers, which every context holds from the start.
  /// Threads hold the most that any of their operations needs.
  package static func scratchBytes(threads: Int) -> Int {
    ThreadPool.bytes(scratch: Int(CVAR_LINEAR_SCRATCH), threads: threads)
  }

  /// The scratch memory of all threads for a convolution.
  package static func scratchBytes(
    for convolution: Convolution, images: Int = 1, height: Int, width: Int, threads: Int
  ) -> Int {
    let plan = unsafe plan(
      convolution, images: images, height: height, width: width, threads: threads)
    return ThreadPool.bytes(scratch: unsafe plan.plan.thread_bytes, threads: threads)
  }

  /// The scratch memory of all threads for attention over `keys` tokens.
  package static func scratchBytes(attentionOver keys: Int, headWidth: Int, threads: Int) -> Int {
    ThreadPool.bytes(scratch: cvar_attention_scratch(keys, headWidth), threads: threads)
  }
}
