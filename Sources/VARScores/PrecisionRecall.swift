package import LinearAlgebra
internal import TensorBytes

/// Improved precision and recall (Kynkäänniemi et al. 2019): the share of samples within the manifold of
/// the reference, and of the reference within that of the samples.
///
/// A manifold is the union of balls around its points, of the radius to the k-th nearest other point
/// (k = 3). Distances are squared.
package struct PrecisionRecall: Equatable, Sendable {
  /// How distances are rounded.
  package enum Arithmetic: Sendable {
    /// To f32.
    case single
    /// To binary16, and to f32 in blocks where one is not finite then: what the usual evaluator does on
    /// a GPU. Features, squares, norms, products and each sum of them are rounded; sums over features
    /// are not, as in its matrix products.
    case half
  }

  /// Share of samples that lie in the reference's manifold.
  package let precision: Double
  /// Share of the reference that lies in the samples' manifold.
  package let recall: Double

  /// Neighbours that decide a radius.
  package static let neighbours = 3

  /// Measures samples against a reference, both [N, D].
  package init(
    samples: Features, reference: Features, arithmetic: Arithmetic = .single, _ blas: BLAS
  ) {
    let space = Space(arithmetic: arithmetic, blas: blas)
    let (ours, theirs) = (space.points(samples), space.points(reference))
    precision = Manifold(theirs, space).share(of: ours)
    recall = Manifold(ours, space).share(of: theirs)
  }
}

/// Features, and what distances need of them.
private struct Points {
  let features: Features
  /// The features as they are multiplied: rounded, or the same.
  let rounded: Features
  let norms: [Float]
  /// The rounded features' norms.
  let roundedNorms: [Float]
  var count: Int { features.count }
}

/// Where distances are taken.
private struct Space {
  let arithmetic: PrecisionRecall.Arithmetic
  let blas: BLAS

  func points(_ features: Features) -> Points {
    let norms = (0..<features.count).map { features[$0].reduce(0) { $0 + $1 * $1 } }
    guard arithmetic == .half else {
      return Points(features: features, rounded: features, norms: norms, roundedNorms: norms)
    }
    let rounded = Features(
      size: features.size, (0..<features.count).flatMap { features[$0].map(Self.half) })
    let roundedNorms = (0..<features.count).map {
      Self.half(rounded[$0].reduce(0) { $0 + Self.half($1 * $1) })
    }
    return Points(features: features, rounded: rounded, norms: norms, roundedNorms: roundedNorms)
  }

  static func half(_ value: Float) -> Float { HalfPrecision.float(f16: HalfPrecision.f16(value)) }

  /// Squared distances of some points to all others, [piece, points], not below zero.
  func distances(_ queries: Points, _ piece: Range<Int>, to points: Points) -> [Float] {
    if arithmetic == .half {
      let distances = products(queries.rounded, piece, points.rounded, factor: 1)
      let rounded = combine(distances, piece.count, points.count) { row, column, product in
        let difference = Self.half(
          queries.roundedNorms[piece.lowerBound + row] - Self.half(2 * Self.half(product)))
        return max(0, Self.half(difference + points.roundedNorms[column]))
      }
      if rounded.allSatisfy(\.isFinite) { return rounded }
    }
    let distances = products(queries.features, piece, points.features, factor: -2)
    return combine(distances, piece.count, points.count) { row, column, product in
      max(0, product + queries.norms[piece.lowerBound + row] + points.norms[column])
    }
  }

  @inline(__always) private func combine(
    _ products: [Float], _ rows: Int, _ columns: Int, _ body: (Int, Int, Float) -> Float
  ) -> [Float] {
    var distances = products
    for row in 0..<rows {
      for column in 0..<columns {
        let place = row * columns + column
        distances[place] = body(row, column, products[place])
      }
    }
    return distances
  }

  /// factor · A·Bᵀ.
  private func products(
    _ queries: Features, _ piece: Range<Int>, _ points: Features, factor: Float
  ) -> [Float] {
    let (rows, columns, size) = (piece.count, points.count, points.size)
    var products = [Float](repeating: 0, count: rows * columns)
    queries.withRows { first in
      points.withRows { second in
        unsafe first.withUnsafeBufferPointer { first in
          unsafe second.withUnsafeBufferPointer { second in
            unsafe products.withUnsafeMutableBufferPointer { target in
              guard let a = first.baseAddress, let b = second.baseAddress,
                let c = target.baseAddress
              else { return }
              unsafe blas.multiply(
                .secondTransposed, rows, columns, size, alpha: factor, a + piece.lowerBound * size,
                size, b, size, beta: 0, to: c, columns)
            }
          }
        }
      }
    }
    return products
  }
}

/// Points and the squared radius of each.
private struct Manifold {
  private let points: Points
  private let space: Space
  private let radii: [Float]

  init(_ points: Points, _ space: Space) {
    self.points = points
    self.space = space
    let rank = min(PrecisionRecall.neighbours, max(0, points.count - 1))
    var radii: [Float] = []
    for piece in (0..<points.count).chunks(of: Self.piece) {
      let distances = space.distances(points, piece, to: points)
      for row in 0..<piece.count {
        // The smallest is the point itself.
        radii.append(
          Self.smallest(rank + 1, of: distances[row * points.count..<(row + 1) * points.count]))
      }
    }
    self.radii = radii
  }

  /// The share of queries that lie in any ball.
  func share(of queries: Points) -> Double {
    var inside = 0
    for piece in (0..<queries.count).chunks(of: Self.piece) {
      let distances = space.distances(queries, piece, to: points)
      for row in 0..<piece.count {
        let start = row * points.count
        for index in 0..<points.count where distances[start + index] <= radii[index] {
          inside += 1
          break
        }
      }
    }
    return Double(inside) / Double(queries.count)
  }

  /// Rows that are multiplied at a time.
  private static let piece = 512

  /// The n-th smallest of some numbers.
  private static func smallest(_ n: Int, of numbers: ArraySlice<Float>) -> Float {
    var best: [Float] = []
    for number in numbers where best.count < n || number < best[best.count - 1] {
      let place = best.firstIndex { $0 > number } ?? best.count
      best.insert(number, at: place)
      if best.count > n { best.removeLast() }
    }
    return best.last ?? 0
  }
}
