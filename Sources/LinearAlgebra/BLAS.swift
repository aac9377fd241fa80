internal import COpenBLAS

/// Products and factors of matrices by OpenBLAS and its LAPACK, each call on the calling thread alone.
///
/// One call gives the same bits on the same kind of CPU; work is divided among threads by us, into
/// parts that do not depend on their number.
package struct BLAS: Sendable {
  /// Why there is none.
  package struct Unavailable: Error, Equatable, Sendable, CustomStringConvertible {
    /// What is wrong.
    package let reason: String
    /// The message for the user.
    package var description: String { "this work is done by OpenBLAS, but \(reason)" }
  }

  private static let shared = Result { try BLAS() }

  /// The kind of CPU whose kernels run, in the library's words.
  package let kind: String

  /// Opens the library, and checks that it multiplies right.
  /// - Throws: ``Unavailable``.
  package static func open() throws -> BLAS { try shared.get() }

  private init() throws(Unavailable) {
    if let problem = unsafe openblas_open() {
      throw Unavailable(reason: unsafe String(cString: problem))
    }
    kind = unsafe String(cString: openblas_kind())
    guard isSound() else {
      throw Unavailable(
        reason: "its kernels for \(kind) compute wrong products here; OPENBLAS_CORETYPE in the "
          + "environment chooses others, such as Haswell")
    }
  }

  /// Which factor of a product is transposed.
  package enum Form {
    /// A·B of A [m, k], B [k, n].
    case plain
    /// Aᵀ·B of A [k, m], B [k, n].
    case firstTransposed
    /// A·Bᵀ of A [m, k], B [n, k].
    case secondTransposed
  }

  /// C = alpha · A·B + beta · C of C [m, n]; the strides are of rows.
  @unsafe package func multiply(
    _ form: Form, _ m: Int, _ n: Int, _ k: Int, alpha: Float = 1,
    _ a: UnsafePointer<Float>, _ aStride: Int, _ b: UnsafePointer<Float>, _ bStride: Int,
    beta: Float = 1, to c: UnsafeMutablePointer<Float>, _ cStride: Int
  ) {
    unsafe openblas_multiply(
      form == .firstTransposed ? 1 : 0, form == .secondTransposed ? 1 : 0, Int32(m), Int32(n),
      Int32(k), alpha, a, Int32(aStride), b, Int32(bStride), beta, c, Int32(cStride))
  }

  /// C += alpha · Aᵀ·A of A [k, n], the lower triangle of C [n, n].
  @unsafe package func addSquare(
    _ n: Int, _ k: Int, _ a: UnsafePointer<Float>, _ aStride: Int,
    to c: UnsafeMutablePointer<Float>, _ cStride: Int
  ) {
    unsafe openblas_square(1, Int32(n), Int32(k), 1, a, Int32(aStride), c, Int32(cStride))
  }

  /// C −= A·Aᵀ of A [n, k], the lower triangle of C [n, n].
  @unsafe package func subtractSquare(
    _ n: Int, _ k: Int, _ a: UnsafePointer<Float>, _ aStride: Int,
    from c: UnsafeMutablePointer<Float>, _ cStride: Int
  ) {
    unsafe openblas_square(0, Int32(n), Int32(k), -1, a, Int32(aStride), c, Int32(cStride))
  }

  /// Replaces the lower triangle of a matrix [n, n] by the inverse of L, where A = L·Lᵀ.
  /// - Returns: false where the matrix is not positive definite; it is then undefined.
  @unsafe package func invertCholesky(_ a: UnsafeMutablePointer<Float>, _ n: Int, _ stride: Int)
    -> Bool
  {
    unsafe openblas_cholesky(Int32(n), a, Int32(stride)) == 0
      && openblas_invert_triangle(Int32(n), a, Int32(stride)) == 0
  }

  /// Whether a product of odd sizes is what it must be: whole numbers, exact in any order.
  private func isSound() -> Bool {
    let (m, n, k) = (67, 131, 259)
    let a = (0..<k * m).map { Float($0 * 7919 % 13 - 6) }
    let b = (0..<k * n).map { Float($0 * 6271 % 11 - 5) }
    var c = [Float](repeating: 1, count: m * n)
    unsafe c.withUnsafeMutableBufferPointer { c in
      unsafe a.withUnsafeBufferPointer { a in
        unsafe b.withUnsafeBufferPointer { b in
          guard let a = a.baseAddress, let b = b.baseAddress, let c = c.baseAddress else { return }
          unsafe multiply(.firstTransposed, m, n, k, a, m, b, n, to: c, n)
        }
      }
    }
    return (0..<m * n).allSatisfy { index in
      let (row, column) = (index / n, index % n)
      return c[index] == (0..<k).reduce(1) { $0 + a[$1 * m + row] * b[$1 * n + column] }
    }
  }
}
