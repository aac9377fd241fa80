package import LinearAlgebra
package import VARCompute

/// What GPTQ needs of a Hessian: the order of the columns, and the factor of the inverse.
///
/// With the columns in the order in which they are quantized, H⁻¹ = Uᵀ·U, U upper triangular: the
/// "Cholesky of the inverse" (GPTQ, arXiv 2210.17323, section 3.3). Here they stand in the opposite
/// order, last column first. Then H = L·Lᵀ, and L⁻¹ is U turned by half a turn: one factorisation
/// and one inversion of a triangle instead of two factorisations and an inversion, and no turning.
package struct InverseFactor {
  /// The column at each place; the last place is quantized first.
  package let order: [Int]
  /// H's diagonal by column: how much the error of a weight counts by itself.
  package let diagonal: [Float]
  /// H with the damping, [K, K], by column.
  package let damped: SharedFloats
  /// L⁻¹ [K, K], lower triangular.
  package let inverse: SharedFloats

  /// Added to H's diagonal, of its mean.
  package static let damping: Float = 0.01

  /// Factors a Hessian, which is used up; the columns with the largest diagonal come first.
  /// - Returns: nil where even the damped Hessian is not positive definite.
  /// - Throws: `ComputeError.outOfMemory`.
  package init?(_ hessian: Hessian, _ pool: ThreadPool, _ blas: BLAS) throws(ComputeError) {
    let width = hessian.width
    let diagonal = hessian.diagonal()
    let mean = Float(diagonal.reduce(0.0) { $0 + Double($1) } / Double(width))
    guard mean.isFinite, mean > 0 else { return nil }
    // A stable order: of equal ones the smaller column is quantized first.
    let order = (0..<width).sorted { (diagonal[$0], $1) < (diagonal[$1], $0) }
    inverse = try SharedFloats(count: width * width)
    self.order = order
    self.diagonal = diagonal
    damped = hessian.damped(by: Self.damping)
    let (damped, inverse) = (damped, inverse)
    pool.parallel(width) { row in
      let source = unsafe damped.base + order[row] * width
      let target = unsafe inverse.base + row * width
      for column in 0...row { unsafe target[column] = source[order[column]] }
    }
    guard try CholeskyInverse.invert(inverse, size: width, pool, blas) else { return nil }
    // A NaN passes through without a word.
    for row in 0..<width where !(inverse[row * width + row] > 0) { return nil }
    for row in 0..<width where !inverse[row * width].isFinite { return nil }
  }
}
