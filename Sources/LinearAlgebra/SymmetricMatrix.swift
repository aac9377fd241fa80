internal import COpenBLAS

/// A symmetric matrix [n, n] in double.
package struct SymmetricMatrix: Sendable {
  /// Rows, and columns.
  package let size: Int
  /// [n, n], row-major; of the upper triangle nothing is read.
  package private(set) var values: [Double]

  /// A matrix of these numbers.
  package init(size: Int, _ values: [Double]) {
    precondition(values.count == size * size, "not [n, n]")
    self.size = size
    self.values = values
  }

  /// A matrix of zeros.
  package init(size: Int) { self.init(size: size, Array(repeating: 0, count: size * size)) }

  /// The sum of the diagonal.
  package var trace: Double { (0..<size).reduce(0) { $0 + values[$1 * (size + 1)] } }

  /// Adds Xᵀ·X of rows X [k, n].
  package mutating func addSquare(of rows: [Double], _ blas: BLAS) {
    let count = rows.count / size
    unsafe values.withUnsafeMutableBufferPointer { values in
      unsafe rows.withUnsafeBufferPointer { rows in
        guard let values = values.baseAddress, let rows = rows.baseAddress else { return }
        unsafe openblas_square_double(Int32(size), Int32(count), rows, values)
      }
    }
  }

  /// Multiplies every number.
  package mutating func scale(by factor: Double) {
    for index in values.indices { values[index] *= factor }
  }

  /// Subtracts factor · v·vᵀ.
  package mutating func subtractOuter(_ vector: [Double], times factor: Double) {
    for row in 0..<size {
      for column in 0...row {
        values[row * size + column] -= factor * vector[row] * vector[column]
      }
    }
  }

  /// Adds to the diagonal.
  package mutating func addToDiagonal(_ number: Double) {
    for index in 0..<size { values[index * (size + 1)] += number }
  }

  /// The same with the upper triangle that the lower one says.
  package var mirrored: [Double] {
    var full = values
    for row in 0..<size {
      for column in row + 1..<max(size, row + 1) {
        full[row * size + column] = values[column * size + row]
      }
    }
    return full
  }

  /// The eigenvalues, ascending; nil where LAPACK does not find them.
  package func eigenvalues(_ blas: BLAS) -> [Double]? { eigen(false, blas)?.values }

  /// The eigenvalues, ascending, and their vectors as rows [n, n].
  package func eigen(
    _ vectors: Bool = true, _ blas: BLAS
  ) -> (values: [Double], vectors: [Double])? {
    var matrix = values
    var eigenvalues = [Double](repeating: 0, count: size)
    var work = [Double](repeating: 0, count: 1 + 6 * size + 2 * size * size)
    var whole = [Int32](repeating: 0, count: 3 + 5 * size)
    let status = unsafe openblas_eigen(
      Int32(size), vectors ? 1 : 0, &matrix, &eigenvalues, &work, &whole)
    guard status == 0, eigenvalues.allSatisfy(\.isFinite) else { return nil }
    return (eigenvalues, matrix)
  }

  /// S = √A, the symmetric root; eigenvalues below zero, which rounding makes, count as zero.
  package func squareRoot(_ blas: BLAS) -> SymmetricMatrix? {
    guard let (eigenvalues, vectors) = eigen(true, blas) else { return nil }
    // Σ √λ v·vᵀ as the square of rows λ^¼ v.
    var rows = vectors
    for row in 0..<size {
      let factor = max(0, eigenvalues[row]).squareRoot().squareRoot()
      for column in 0..<size { rows[row * size + column] *= factor }
    }
    var root = SymmetricMatrix(size: size)
    root.addSquare(of: rows, blas)
    return root
  }

  /// S·A·S of this matrix S and another, which is symmetric too.
  package func sandwich(_ other: SymmetricMatrix, _ blas: BLAS) -> SymmetricMatrix {
    let (s, a) = (mirrored, other.mirrored)
    var half = [Double](repeating: 0, count: size * size)
    var whole = half
    unsafe openblas_multiply_double(Int32(size), s, a, &half)
    unsafe openblas_multiply_double(Int32(size), half, s, &whole)
    return SymmetricMatrix(size: size, whole)
  }
}
