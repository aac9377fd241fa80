import CVARKernels

extension Compute {
  /// LN(x)·(1 + scale) + shift, stored as the input of a linear layer.
  ///
  /// LN is the layer norm without affine, eps 1e-6. With G rows of scale and shift, row r of M
  /// takes their row r / (M / G): images lie one after another.
  /// - Parameters:
  ///   - x: [M, C].
  ///   - scale: [G, C], G divides M.
  ///   - shift: [G, C].
  ///   - output: holds [M, C] afterwards.
  /// - Throws: ``ComputeError/outOfMemory(bytes:)``.
  package func layerNormModulate(
    _ x: FloatMatrix, scale: FloatMatrix, shift: FloatMatrix, into output: ActivationBuffer
  ) throws(ComputeError) {
    precondition(
      scale.rows > 0 && x.rows % scale.rows == 0 && scale.rows == shift.rows
        && scale.columns == x.columns && shift.columns == x.columns
        && scale.stride == shift.stride, "scale and shift must be [G, C] alike, G dividing M")
    output.reshape(rows: x.rows, columns: x.columns)
    guard x.rows > 0 else { return }
    var modulate = unsafe cvar_modulate(
      level: level.code, rows: x.rows, input: x.start, input_stride: x.stride,
      scale: scale.start, shift: shift.start, group_stride: scale.stride,
      rows_per_group: x.rows / scale.rows, output: output.kernelActivations)
    let status = unsafe cvar_modulate_run(&modulate, pool.pool)
    withExtendedLifetime((x, scale, shift, output)) {}
    try pool.check(status, scratch: 0)
  }

  /// Stores x [M, K] as the input of a linear layer.
  /// - Throws: ``ComputeError/outOfMemory(bytes:)``.
  package func prepare(_ x: FloatMatrix, into output: ActivationBuffer) throws(ComputeError) {
    try prepare(x, silu: false, into: output)
  }

  /// Stores SiLU(x), x [M, K], as the input of a linear layer.
  /// - Throws: ``ComputeError/outOfMemory(bytes:)``.
  package func prepareSiLU(_ x: FloatMatrix, into output: ActivationBuffer) throws(ComputeError) {
    try prepare(x, silu: true, into: output)
  }

  private func prepare(
    _ x: FloatMatrix, silu: Bool, into output: ActivationBuffer
  ) throws(ComputeError) {
    output.reshape(rows: x.rows, columns: x.columns)
    guard x.rows > 0 else { return }
    var prepare = unsafe cvar_prepare(
      level: level.code, rows: x.rows, input: x.start, input_stride: x.stride, silu: silu,
      output: output.kernelActivations)
    let status = unsafe cvar_prepare_run(&prepare, pool.pool)
    withExtendedLifetime((x, output)) {}
    try pool.check(status, scratch: 0)
  }

  /// x·sigmoid(x) of each element, in place.
  package func silu(_ x: FloatBuffer) {
    unsafe cvar_silu(level.code, x.base, x.base, x.count)
  }

  /// GELU, tanh form, of each element, in place.
  package func gelu(_ x: FloatBuffer) {
    unsafe cvar_gelu(level.code, x.base, x.base, x.count)
  }

  /// e^x of each element, in place; within 2 ulp.
  package func exp(_ x: FloatBuffer) {
    unsafe cvar_exp(level.code, x.base, x.base, x.count)
  }
}
