package import LinearAlgebra

/// Improved precision and recall (Kynkäänniemi et al. 2019): the share of samples within the manifold of
/// the reference, and of the reference within that of the samples.
///
/// A manifold is the union of balls around its points, of the radius to the k-th nearest other point
/// (k = 3). Distances are squared, in f32; the usual evaluator takes them in fp16, which moves the
/// shares by a few tenths of a percent at most.
package struct PrecisionRecall: Equatable, Sendable {
  /// Share of samples that lie in the reference's manifold.
  package let precision: Double
  /// Share of the reference that lies in the samples' manifold.
  package let recall: Double

  /// Neighbours that decide a radius.
  package static let neighbours = 3

  /// Measures samples against a reference, both [N, D].
  package init(samples: Features, reference: Features, _ blas: BLAS) {
    let ours = Manifold(samples, blas)
    let theirs = Manifold(reference, blas)
    precision = theirs.share(of: samples, blas)
    recall = ours.share(of: reference, blas)
  }
}

/// Points and the squared radius of each.
private struct Manifold {
  private let points: Features
  private let norms: [Float]
  private let radii: [Float]

  init(_ points: Features, _ blas: BLAS) {
    self.points = points
    let norms = Self.norms(points)
    self.norms = norms
    let rank = min(PrecisionRecall.neighbours, max(0, points.count - 1))
    var radii: [Float] = []
    for piece in (0..<points.count).chunks(of: Self.piece) {
      let distances = Self.distances(points, norms, piece, to: points, norms, blas)
      for row in 0..<piece.count {
        // The smallest is the point itself.
        radii.append(
          Self.smallest(rank + 1, of: distances[row * points.count..<(row + 1) * points.count]))
      }
    }
    self.radii = radii
  }

  /// The share of queries that lie in any ball.
  func share(of queries: Features, _ blas: BLAS) -> Double {
    let queryNorms = Self.norms(queries)
    var inside = 0
    for piece in (0..<queries.count).chunks(of: Self.piece) {
      let distances = Self.distances(queries, queryNorms, piece, to: points, norms, blas)
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

  private static func norms(_ points: Features) -> [Float] {
    (0..<points.count).map { points[$0].reduce(0) { $0 + $1 * $1 } }
  }

  /// |a|² + |b|² − 2 a·b, [piece, points], not below zero.
  private static func distances(
    _ queries: Features, _ queryNorms: [Float], _ piece: Range<Int>, to points: Features,
    _ norms: [Float], _ blas: BLAS
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
                .secondTransposed, rows, columns, size, alpha: -2, a + piece.lowerBound * size,
                size, b, size, beta: 0, to: c, columns)
            }
          }
        }
      }
    }
    for row in 0..<rows {
      let norm = queryNorms[piece.lowerBound + row]
      for column in 0..<columns {
        let place = row * columns + column
        products[place] = max(0, products[place] + norm + norms[column])
      }
    }
    return products
  }

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
