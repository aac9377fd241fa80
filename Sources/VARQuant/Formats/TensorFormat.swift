internal import TensorBytes

/// How the elements of a tensor are stored in a `.varq` file.
///
/// A format is what its ``FormatTraits`` say, in a file of its own; everything else asks them.
package struct TensorFormat: Sendable {
  /// All formats, the finest first: what is not in this table does not exist.
  package static let allCases: [TensorFormat] = [.f32, .f16, .bf16, .q8, .q6, .q5, .q4, .q3]

  /// The largest number of elements of a tensor.
  package static let maximumElements = 1 << 48

  /// All that is to be known of the format.
  package let traits: any FormatTraits

  /// Makes the format of some traits, which must be in ``allCases`` to be found in files.
  init(_ traits: some FormatTraits) { self.traits = traits }

  /// The format of an id in a file, nil for an unknown one.
  package init?(id: UInt16) {
    guard let format = Self.allCases.first(where: { $0.id == id }) else { return nil }
    self = format
  }

  /// The format of a name, nil for an unknown one.
  package init?(name: String) {
    guard let format = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = format
  }

  /// The names of all formats, with commas between them.
  package static var names: String { allCases.map(\.name).joined(separator: ", ") }

  /// The number that stands for it in a file.
  package var id: UInt16 { traits.id }
  /// The name that users and metadata know it by.
  package var name: String { traits.name }
  /// See ``FormatTraits/isOnlyForProducts``.
  package var isOnlyForProducts: Bool { traits.isOnlyForProducts }
  /// See ``FormatTraits/isInteger``.
  package var isInteger: Bool { traits.isInteger }
  /// See ``FormatTraits/accuracy``.
  package var accuracy: FormatAccuracy { traits.accuracy }
  /// Finite values up to this magnitude have a finite encoding.
  package var largestMagnitude: Float { traits.range.largestMagnitude }

  /// Whether values of which the largest has this magnitude keep the format's precision.
  package func holds(_ maximum: Float) -> Bool {
    maximum == 0
      || (traits.range.smallestMaximum...traits.range.largestMagnitude).contains(maximum)
  }

  /// Whether a tensor of this shape can have this format.
  ///
  /// Blocks need at least two dimensions, and all but the first must make whole blocks.
  package func suits(shape: [Int]) -> Bool {
    guard traits.blockSize > 1 else { return true }
    guard shape.count >= 2, let columns = try? Checked.product(of: Array(shape.dropFirst())) else {
      return false
    }
    return columns % traits.blockSize == 0
  }

  /// The size in bytes of a tensor [N, K], padding and scales included.
  /// - Precondition: the format ``suits(shape:)`` it, and N·K is at most ``maximumElements``.
  package func byteCount(rows: Int, columns: Int) -> Int {
    traits.layout(rows: rows, columns: columns).byteCount
  }

  /// The same for a shape, of which the first dimension is N and the others make K.
  package func byteCount(shape: [Int]) -> Int {
    byteCount(rows: shape.first ?? 1, columns: shape.dropFirst().reduce(1, *))
  }
}

extension TensorFormat: Hashable, CaseIterable, CustomStringConvertible {
  /// Whether it is the same format.
  package static func == (a: TensorFormat, b: TensorFormat) -> Bool { a.id == b.id }
  /// By its id.
  package func hash(into hasher: inout Hasher) { hasher.combine(id) }
  /// Its name.
  package var description: String { name }
}
