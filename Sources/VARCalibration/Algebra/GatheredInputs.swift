internal import LinearAlgebra
package import VARCompute

/// Room where a Hessian's inputs wait until there are enough of them for a product that is worth its
/// name. Hessians may share one, if each is flushed before another takes inputs.
package final class GatheredInputs {
  /// The inputs, [capacity, K].
  let values: SharedFloats
  /// Makes the products where it is faster than BLAS: inputs of linear layers are bf16 numbers there
  /// anyway.
  let gram: BFloat16Gram?
  /// Whose inputs they are.
  weak var user: Hessian?

  /// Inputs of one product.
  static let capacity = BFloat16Gram.capacity

  /// The memory of a room for inputs of this width.
  static func bytes(width: Int) -> Int {
    4 * width * capacity + BFloat16Gram.bytes(width: width)
  }

  /// - Parameter width: of the widest inputs, the largest K.
  /// - Throws: `ComputeError.outOfMemory`.
  package init(width: Int, _ compute: Compute) throws(ComputeError) {
    values = try SharedFloats(count: Self.capacity * width)
    gram = try BFloat16Gram(width: width, compute)
  }
}
