import LinearAlgebra
import Testing

@Suite struct SymmetricMatrixTests {
  private func rows(_ count: Int, _ size: Int) -> [Double] {
    var state: UInt64 = 5
    return (0..<count * size).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Double(state >> 40) / Double(1 << 24) - 0.5
    }
  }

  @Test func theSquareOfTheRootIsTheMatrix() throws {
    let blas = try BLAS.open()
    let (count, size) = (90, 37)
    let rows = rows(count, size)
    var matrix = SymmetricMatrix(size: size)
    matrix.addSquare(of: rows, blas)
    let expected = (0..<count).reduce(0) { $0 + rows[$1 * size + 5] * rows[$1 * size + 3] }
    #expect(abs(matrix.values[5 * size + 3] - expected) < 1e-12)
    let root = try #require(matrix.squareRoot(blas))
    let full = root.mirrored
    for (row, column) in [(0, 0), (36, 36), (20, 3)] {
      let product = (0..<size).reduce(0) { $0 + full[row * size + $1] * full[$1 * size + column] }
      #expect(abs(product - matrix.values[row * size + column]) < 1e-11)
    }
    let values = try #require(matrix.eigenvalues(blas))
    #expect(abs(values.reduce(0, +) - matrix.trace) < 1e-10)
    #expect(values == values.sorted())
    let identity = SymmetricMatrix(
      size: size, (0..<size * size).map { $0 % (size + 1) == 0 ? 1 : 0 })
    let same = identity.sandwich(matrix, blas)
    #expect(same.mirrored == matrix.mirrored)
  }
}
