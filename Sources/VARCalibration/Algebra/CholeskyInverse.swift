package import LinearAlgebra
package import VARCompute

/// L⁻¹ of A = L·Lᵀ by tiles, which the threads of a pool share.
///
/// As LAPACK's `potrf` and `trtri` divide a matrix (Golub and Van Loan, Matrix Computations, 4.2.6),
/// but each tile of a step is a task of its own: the result is the same on any number of threads.
package struct CholeskyInverse: Sendable {
  private let a: SharedFloats
  private let size: Int
  private let tile: Int
  private let pool: ThreadPool
  private let blas: BLAS

  /// Replaces the lower triangle of a matrix [n, n] that has zeros above its diagonal.
  /// - Returns: false where the matrix is not positive definite; it is then undefined.
  /// - Throws: `ComputeError.outOfMemory`.
  package static func invert(
    _ a: SharedFloats, size: Int, tile: Int = 512, _ pool: ThreadPool, _ blas: BLAS
  ) throws(ComputeError) -> Bool {
    let work = CholeskyInverse(a: a, size: size, tile: tile, pool: pool, blas: blas)
    let panel = try SharedFloats(count: size * tile)
    guard work.factor(panel) else { return false }
    work.invert(panel)
    return true
  }

  private var tiles: Int { (size + tile - 1) / tile }

  private func range(_ index: Int) -> Range<Int> {
    index * tile..<min((index + 1) * tile, size)
  }

  /// L below the diagonal tiles, L⁻¹ in them.
  private func factor(_ panel: SharedFloats) -> Bool {
    let (a, size, tile, blas) = (a, size, tile, blas)
    for step in 0..<tiles {
      let pivot = range(step)
      let diagonal = unsafe a.base + pivot.lowerBound * (size + 1)
      guard unsafe blas.invertCholesky(diagonal, pivot.count, size) else { return false }
      let below = tiles - step - 1
      guard below > 0 else { continue }
      // L_ik = A_ik · L_kk⁻ᵀ.
      pool.parallel(below) { task in
        let rows = range(step + 1 + task)
        let source = unsafe a.base + rows.lowerBound * size + pivot.lowerBound
        let copy = unsafe panel.base + rows.lowerBound * tile
        for row in 0..<rows.count {
          unsafe (copy + row * tile).update(from: source + row * size, count: pivot.count)
        }
        unsafe blas.multiply(
          .secondTransposed, rows.count, pivot.count, pivot.count, copy, tile,
          a.base + pivot.lowerBound * (size + 1), size, beta: 0, to: source, size)
      }
      // A_ij −= L_ik · L_jkᵀ.
      pool.parallel(below * (below + 1) / 2) { task in
        let (i, j) = Hessian.place(task)
        let (rows, columns) = (range(step + 1 + i), range(step + 1 + j))
        let first = unsafe a.base + rows.lowerBound * size + pivot.lowerBound
        let target = unsafe a.base + rows.lowerBound * size + columns.lowerBound
        if i == j {
          unsafe blas.subtractSquare(rows.count, pivot.count, first, size, from: target, size)
        } else {
          unsafe blas.multiply(
            .secondTransposed, rows.count, columns.count, pivot.count, alpha: -1, first, size,
            a.base + columns.lowerBound * size + pivot.lowerBound, size, to: target, size)
        }
      }
    }
    return true
  }

  /// X = L⁻¹, a column of tiles after the other from the last: X_ij = −Σ X_ik · (L_kj · X_jj) over
  /// j < k ≤ i.
  private func invert(_ panel: SharedFloats) {
    let (a, size, tile, blas) = (a, size, tile, blas)
    for step in (0..<tiles).reversed() {
      let columns = range(step)
      let below = tiles - step - 1
      pool.parallel(below) { task in
        let rows = range(step + 1 + task)
        unsafe blas.multiply(
          .plain, rows.count, columns.count, columns.count,
          a.base + rows.lowerBound * size + columns.lowerBound, size,
          a.base + columns.lowerBound * (size + 1), size, beta: 0,
          to: panel.base + rows.lowerBound * tile, tile)
      }
      // The longest sum first.
      pool.parallel(below) { task in
        let rows = range(tiles - 1 - task)
        unsafe blas.multiply(
          .plain, rows.count, columns.count, rows.upperBound - columns.upperBound, alpha: -1,
          a.base + rows.lowerBound * size + columns.upperBound, size,
          panel.base + columns.upperBound * tile, tile, beta: 0,
          to: a.base + rows.lowerBound * size + columns.lowerBound, size)
      }
    }
  }
}
