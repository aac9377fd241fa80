import CVARKernels
package import VARQuant

extension Compute {
  /// y = input · weightᵀ + bias.
  /// - Parameters:
  ///   - input: [M, K].
  ///   - weight: [N, K].
  ///   - bias: [N].
  ///   - output: [M, N].
  /// - Throws: ``ComputeError/outOfMemory(bytes:)``, only from within a task of the pool: elsewhere
  ///   the memory was taken when the context was made.
  package func linear(
    _ input: ActivationBuffer, _ weight: WeightMatrix, bias: FloatVector? = nil,
    into output: FloatMatrix
  ) throws(ComputeError) {
    precondition(output.rows == input.rows && output.columns == weight.rows, "shape of the output")
    try unsafe run(input, weight, bias) { linear in
      unsafe linear.epilogue = CVAR_STORE
      unsafe linear.output = output.start
      unsafe linear.output_stride = output.stride
    }
    withExtendedLifetime(output) {}
  }

  /// GELU(input · weightᵀ + bias), tanh form, stored as the input of the next linear layer.
  /// - Parameters:
  ///   - input: [M, K].
  ///   - weight: [N, K].
  ///   - bias: [N].
  ///   - output: holds [M, N] afterwards; not `input`.
  /// - Throws: ``ComputeError/outOfMemory(bytes:)``, only from within a task of the pool: elsewhere
  ///   the memory was taken when the context was made.
  package func linearGELU(
    _ input: ActivationBuffer, _ weight: WeightMatrix, bias: FloatVector? = nil,
    into output: ActivationBuffer
  ) throws(ComputeError) {
    precondition(input !== output, "input and output must differ")
    output.reshape(rows: input.rows, columns: weight.rows)
    try unsafe run(input, weight, bias) { linear in
      unsafe linear.epilogue = CVAR_GELU
      unsafe linear.hidden = output.kernelActivations
    }
    withExtendedLifetime(output) {}
  }

  /// x += gamma · (input · weightᵀ + bias).
  /// - Parameters:
  ///   - input: [M, K].
  ///   - weight: [N, K].
  ///   - bias: [N].
  ///   - gamma: [G, N], G divides M; row r takes row r / (M / G).
  ///   - x: [M, N].
  /// - Throws: ``ComputeError/outOfMemory(bytes:)``, only from within a task of the pool: elsewhere
  ///   the memory was taken when the context was made.
  package func linearResidual(
    _ input: ActivationBuffer, _ weight: WeightMatrix, bias: FloatVector? = nil,
    gamma: FloatMatrix, into x: FloatMatrix
  ) throws(ComputeError) {
    precondition(x.rows == input.rows && x.columns == weight.rows, "shape of the residual stream")
    precondition(
      gamma.rows > 0 && x.rows % gamma.rows == 0 && gamma.columns == weight.rows,
      "gamma must be [G, N], G dividing M")
    try unsafe run(input, weight, bias) { linear in
      unsafe linear.epilogue = CVAR_RESIDUAL
      unsafe linear.output = x.start
      unsafe linear.output_stride = x.stride
      unsafe linear.gamma = UnsafePointer(gamma.start)
      unsafe linear.gamma_stride = gamma.stride
      unsafe linear.rows_per_group = max(1, x.rows / gamma.rows)
    }
    withExtendedLifetime((gamma, x)) {}
  }

  /// Decodes rows of a weight [N, K] of any format, such as embeddings.
  /// - Parameters:
  ///   - rows: rows of the weight.
  ///   - output: [rows.count, K].
  package func decode(_ weight: WeightMatrix, rows: Range<Int>, into output: FloatMatrix) {
    precondition(
      rows.lowerBound >= 0 && rows.upperBound <= weight.rows && output.rows == rows.count
        && output.columns == weight.columns, "rows out of range")
    unsafe weight.withKernelWeights { weights in
      unsafe cvar_decode_rows(
        &weights, rows.lowerBound, rows.upperBound, output.start, output.stride)
    }
    withExtendedLifetime(output) {}
  }

  @unsafe private func run(
    _ input: ActivationBuffer, _ weight: WeightMatrix, _ bias: FloatVector?,
    _ epilogue: (inout cvar_linear) -> Void
  ) throws(ComputeError) {
    precondition(input.columns == weight.columns, "K of input and weight differ")
    precondition(bias == nil || bias?.count == weight.rows, "bias must be [N]")
    guard input.rows > 0 else { return }
    let status = unsafe weight.withKernelWeights { weights in
      var linear = unsafe cvar_linear()
      unsafe linear.level = level.code
      unsafe linear.rows = input.rows
      unsafe linear.input = input.kernelActivations
      unsafe linear.weights = weights
      unsafe linear.bias = bias.map { unsafe UnsafePointer($0.base) }
      unsafe epilogue(&linear)
      return unsafe cvar_linear_run(&linear, pool.pool)
    }
    withExtendedLifetime((input, bias)) {}
    try pool.check(status, scratch: Int(CVAR_LINEAR_SCRATCH))
  }
}
