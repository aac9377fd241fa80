import CVARKernels

/// How and where a model computes: mode, instruction set, threads.
///
/// Results depend on the mode, never on the number of threads. Those of linear layers in
/// ``ComputeMode/f32`` and ``ComputeMode/int8`` don't depend on the instruction set either, nor on how
/// many rows are computed together; attention and convolutions sum in the order of its vectors.
package struct Compute: Sendable {
  /// How large matrix products are computed.
  package let mode: ComputeMode
  /// The instruction set in use.
  package let level: CPULevel
  /// The threads in use.
  package let pool: ThreadPool

  /// Sets up a computation.
  /// - Parameters:
  ///   - mode: the fastest accurate one of the level when left out.
  ///   - level: the fullest of this machine when left out.
  ///   - threads: the usable cores when left out.
  /// - Throws: ``ComputeError``.
  package init(
    mode: ComputeMode? = nil, level: CPULevel = .best, threads: Int = ThreadPool.usableCores
  ) throws(ComputeError) {
    guard level.isAvailable else {
      throw .levelUnavailable(level, available: CPULevel.available)
    }
    self.mode = mode ?? .automatic(at: level)
    self.level = level
    pool = try ThreadPool(threads: threads)
    try pool.reserve(scratch: Int(CVAR_LINEAR_SCRATCH))
  }

  private init(mode: ComputeMode, level: CPULevel, pool: ThreadPool) {
    self.mode = mode
    self.level = level
    self.pool = pool
  }

  /// The same threads and level in another mode.
  package func with(mode: ComputeMode) -> Compute {
    Compute(mode: mode, level: level, pool: pool)
  }

  /// A buffer for the input of linear layers, of at most [rows, columns].
  /// - Parameter mode: the mode of those layers when it differs from this context's.
  /// - Throws: ``ComputeError/outOfMemory(bytes:)``.
  package func activations(
    rows: Int, columns: Int, mode: ComputeMode? = nil
  ) throws(ComputeError) -> ActivationBuffer {
    let mode = mode ?? self.mode
    return try ActivationBuffer(
      rows: rows, columns: columns, mode: mode, arithmetic: mode.arithmetic(at: level))
  }
}
