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
  package func layerNormModulate(
    _ x: FloatMatrix, scale: FloatMatrix, shift: FloatMatrix, into output: ActivationBuffer
  ) {
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
    withExtendedLifetime((x, scale, shift, output)) {
      unsafe pool.run(cvar_row_tasks(x.rows), scratch: 0, &modulate) { context, task, _ in
        unsafe cvar_modulate_task(context?.assumingMemoryBound(to: cvar_modulate.self), task)
      }
    }
  }

  /// Stores x [M, K] as the input of a linear layer.
  package func prepare(_ x: FloatMatrix, into output: ActivationBuffer) {
    prepare(x, silu: false, into: output)
  }

  /// Stores SiLU(x), x [M, K], as the input of a linear layer.
  package func prepareSiLU(_ x: FloatMatrix, into output: ActivationBuffer) {
    prepare(x, silu: true, into: output)
  }

  private func prepare(_ x: FloatMatrix, silu: Bool, into output: ActivationBuffer) {
    output.reshape(rows: x.rows, columns: x.columns)
    guard x.rows > 0 else { return }
    var prepare = unsafe cvar_prepare(
      level: level.code, rows: x.rows, input: x.start, input_stride: x.stride, silu: silu,
      output: output.kernelActivations)
    withExtendedLifetime((x, output)) {
      unsafe pool.run(cvar_row_tasks(x.rows), scratch: 0, &prepare) { context, task, _ in
        unsafe cvar_prepare_task(context?.assumingMemoryBound(to: cvar_prepare.self), task)
      }
    }
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
