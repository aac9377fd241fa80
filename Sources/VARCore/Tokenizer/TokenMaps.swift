/// The tokens of one picture, coarse to fine.
public struct TokenMaps: Equatable, Sendable {
  /// Codebook rows: scale k holds p_k² of them, row by row.
  public var scales: [[Int32]]

  /// Makes token maps; nothing is checked before they are used.
  public init(_ scales: [[Int32]]) { self.scales = scales }

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

extension TokenMaps: Codable {
  /// Lists of numbers, [scale][position].
  public init(from decoder: any Decoder) throws {
    self.init(try decoder.singleValueContainer().decode([[Int32]].self))
  }

  /// Lists of numbers, [scale][position].
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(scales)
  }
}
