/// The tokens of one picture, coarse to fine.
package struct TokenMaps: Equatable, Sendable {
  /// Codebook rows: scale k holds p_k² of them, row by row.
  package var scales: [[Int32]]

  /// Makes token maps; nothing is checked here, see ``validate(patchNumbers:vocabulary:)``.
  package init(_ scales: [[Int32]]) { self.scales = scales }

  /// Makes maps full of zeros for a model with these scales.
  init(patchNumbers: [Int]) {
    scales = patchNumbers.map { Array(repeating: 0, count: $0 * $0) }
  }

  /// Checks number, sizes and values against a model's.
  /// - Throws: ``ModelError/tokenMaps(expected:actual:)`` or
  ///   ``ModelError/token(_:scale:position:vocabulary:)``.
  package func validate(patchNumbers: [Int], vocabulary: Int) throws(ModelError) {
    let expected = patchNumbers.map { $0 * $0 }
    guard scales.map(\.count) == expected else {
      throw .tokenMaps(expected: expected, actual: scales.map(\.count))
    }
    for (scale, tokens) in scales.enumerated() {
      if let bad = tokens.firstIndex(where: { $0 < 0 || Int($0) >= vocabulary }) {
        throw .token(Int(tokens[bad]), scale: scale, position: bad, vocabulary: vocabulary)
      }
    }
  }
}
