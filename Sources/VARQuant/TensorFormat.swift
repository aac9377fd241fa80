internal import TensorBytes

/// How the elements of a tensor are stored in a `.varq` file; its raw value is the format id.
package enum TensorFormat: UInt16, Equatable, Hashable, Sendable, CaseIterable {
  /// IEEE 754 binary32.
  case f32 = 1
  /// IEEE 754 binary16.
  case f16 = 2
  /// The upper half of a binary32.
  case bf16 = 3
  /// 8-bit integers within ±127, one binary16 scale for 32 elements of a row.
  case q8 = 16

  /// Elements that share a scale in ``q8``.
  package static let blockSize = 32
  /// The largest number of elements of a tensor.
  package static let maximumElements = 1 << 48

  /// The name that users and metadata know it by.
  package var name: String {
    switch self {
    case .f32: "f32"
    case .f16: "f16"
    case .bf16: "bf16"
    case .q8: "q8"
    }
  }

  /// The format of a name, nil for an unknown one.
  package init?(name: String) {
    guard let format = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = format
  }

  /// Whether a tensor of this shape can have this format.
  ///
  /// ``q8`` needs at least two dimensions, and all but the first must make a multiple of 32.
  package func suits(shape: [Int]) -> Bool {
    guard self == .q8 else { return true }
    guard shape.count >= 2, let columns = try? Checked.product(of: Array(shape.dropFirst())) else {
      return false
    }
    return columns % Self.blockSize == 0
  }

  /// The size in bytes of `count` elements, at most ``maximumElements``, padding and scales included.
  package func byteCount(elements count: Int) -> Int {
    switch self {
    case .f32: 4 * count
    case .f16, .bf16: 2 * count
    case .q8: Self.scalesOffset(elements: count) + count / Self.blockSize * 2
    }
  }

  /// Where the scales of a ``q8`` tensor begin, counted from its first byte.
  static func scalesOffset(elements count: Int) -> Int { (count + 63) & ~63 }
}
