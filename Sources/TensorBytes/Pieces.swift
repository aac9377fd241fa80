extension Range<Int> {
  /// The range in order, in pieces of `size`, of which the last may be shorter.
  package func pieces(of size: Int) -> [Range<Int>] {
    stride(from: lowerBound, to: upperBound, by: Swift.max(1, size)).map {
      $0..<Swift.min(upperBound, $0 + Swift.max(1, size))
    }
  }

  /// Rows of a matrix in order, some whole rows at a time: about a megabyte of f32, or one row.
  package func rowPieces(columns: Int) -> [Range<Int>] {
    pieces(of: (1 << 18) / Swift.max(1, columns))
  }
}
