/// Features of pictures, [N, D] in f32.
package struct Features: Sendable {
  /// Numbers of a picture, D.
  package let size: Int
  private var values: [Float]

  /// Takes rows of features.
  package init(size: Int, _ values: [Float] = []) {
    precondition(size > 0 && values.count % size == 0, "not [N, D]")
    self.size = size
    self.values = values
  }

  /// Number of pictures, N.
  package var count: Int { values.count / size }

  /// Adds rows.
  package mutating func append(_ rows: some Sequence<Float>) {
    values.append(contentsOf: rows)
    precondition(values.count % size == 0, "not whole rows")
  }

  /// One picture's.
  package subscript(row: Int) -> ArraySlice<Float> { values[row * size..<(row + 1) * size] }

  /// Some rows, by their numbers.
  package func rows(_ rows: [Int]) -> Features {
    Features(size: size, rows.flatMap { self[$0] })
  }

  /// Lends all rows for reading.
  func withRows<R>(_ body: (Span<Float>) throws -> R) rethrows -> R { try body(values.span) }

  /// Whether every number is one.
  package var isFinite: Bool { values.allSatisfy(\.isFinite) }
}
