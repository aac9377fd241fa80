import CVARKernels
import TensorBytes

/// Sums of products of inputs x, [K], with themselves, Σ x·xᵀ, by bf16 dot products.
///
/// The inputs stand as columns of X [K, N]; X is input and weight of a linear layer at once, whose
/// residual stream is the sum.
@safe package final class BFloat16Gram {
  private let compute: Compute
  private let columns: ActivationBuffer  // X [K, N]
  private let ones: FloatBuffer  // [K]

  /// The most inputs of one product, N.
  package static let capacity = 17 * step
  /// N is an odd number of these: rows of X lie as far apart as the kernels want them.
  private static let step = 64
  /// Rows of a product; what is right of the diagonal within them is computed in vain.
  private static let strip = 256
  /// Side of what is transposed at a time.
  private static let tile = 32

  /// The memory of one for inputs of this width.
  package static func bytes(width: Int) -> Int {
    ActivationBuffer.bytes(rows: width, columns: capacity, arithmetic: CVAR_ARITHMETIC_BF16)
      + FloatBuffer.bytes(count: width)
  }

  /// - Parameter width: of the widest inputs, the largest K.
  /// - Returns: nil where bf16 dot products are not the fastest arithmetic.
  /// - Throws: ``ComputeError/outOfMemory(bytes:)``.
  package init?(width: Int, _ compute: Compute) throws(ComputeError) {
    guard ComputeMode.bf16.arithmetic(at: compute.level) == CVAR_ARITHMETIC_BF16 else { return nil }
    self.compute = compute
    columns = try compute.activations(rows: width, columns: Self.capacity, mode: .bf16)
    ones = try FloatBuffer(count: width)
    for index in 0..<width { unsafe ones.base[index] = 1 }
  }

  /// Adds the products of inputs, rounded to bf16, to a sum.
  /// - Parameters:
  ///   - inputs: [count, K].
  ///   - count: at most ``capacity``.
  ///   - width: K.
  ///   - sum: [K, K]; of what is right of the diagonal some is written too.
  @unsafe package func add(
    _ inputs: UnsafePointer<Float>, count: Int, width: Int, to sum: UnsafeMutablePointer<Float>
  ) {
    precondition(count <= Self.capacity, "too many inputs")
    columns.reshape(
      rows: width, columns: ((count + Self.step - 1) / Self.step | 1) * Self.step)
    unsafe transpose(inputs, count)
    let x = unsafe columns.kernelActivations
    for first in stride(from: 0, to: width, by: Self.strip) {
      let rows = min(Self.strip, width - first)
      var linear = unsafe cvar_linear()
      unsafe linear.level = compute.level.code
      unsafe linear.rows = rows
      unsafe linear.input = x
      unsafe linear.input.values = x.values + 2 * first * x.stride
      unsafe linear.weights.format = CVAR_FORMAT_BF16
      unsafe linear.weights.n = first + rows
      unsafe linear.weights.k = x.stride
      unsafe linear.weights.values = UnsafeRawPointer(x.values)
      unsafe linear.epilogue = CVAR_RESIDUAL
      unsafe linear.output = sum + first * width
      unsafe linear.output_stride = width
      unsafe linear.gamma = UnsafePointer(ones.base)
      unsafe linear.gamma_stride = width
      unsafe linear.rows_per_group = rows
      let status = unsafe cvar_linear_run(&linear, compute.pool.pool)
      precondition(status == 0, "a context holds the scratch memory of linear layers")
    }
    withExtendedLifetime((columns, ones)) {}
  }

  /// Writes the inputs as columns of X, and zeros after them.
  @unsafe private func transpose(_ inputs: UnsafePointer<Float>, _ count: Int) {
    let x = unsafe columns.kernelActivations
    let (width, step) = unsafe (columns.rows, x.stride)
    // The tasks write rows of their own.
    nonisolated(unsafe) let inputs = unsafe inputs
    nonisolated(unsafe) let values = unsafe x.values.assumingMemoryBound(to: UInt16.self)
    compute.pool.parallel((width + Self.tile - 1) / Self.tile) { task in
      let rows = task * Self.tile..<min((task + 1) * Self.tile, width)
      for start in stride(from: 0, to: count, by: Self.tile) {
        for column in start..<min(start + Self.tile, count) {
          let input = unsafe inputs + column * width
          for row in rows {
            unsafe values[row * step + column] = HalfPrecision.bf16(input[row])
          }
        }
      }
      for row in rows {
        for column in count..<step { unsafe values[row * step + column] = 0 }
      }
    }
  }
}
