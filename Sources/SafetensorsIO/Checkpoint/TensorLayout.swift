package import TensorBytes

/// Where the elements of a tensor lie in its storage.
package struct TensorLayout: Equatable, Sendable {
  /// Type of the elements.
  package let type: ElementType
  /// Dimensions; empty for a scalar.
  package let shape: [Int]
  /// Distance of neighbours along each dimension, in elements; never negative.
  package let strides: [Int]
  /// Where the first element begins in the storage.
  package let byteOffset: Int
  /// Elements of the tensor.
  package let elementCount: Int

  /// Bytes of the elements in row-major order.
  package var byteCount: Int { elementCount * type.byteWidth }

  /// Whether the elements lie in row-major order without gaps.
  package var isContiguous: Bool {
    if elementCount < 2 { return true }
    var expected = 1
    for (dimension, stride) in zip(shape, strides).reversed() where dimension != 1 {
      if stride != expected { return false }
      expected *= dimension
    }
    return true
  }

  /// The bytes of the storage up to its last element.
  var reach: Range<Int> {
    if elementCount == 0 { return 0..<0 }
    // In bounds: checked when the view was made.
    let last = zip(shape, strides).reduce(0) { $0 + ($1.0 - 1) * $1.1 }
    return 0..<byteOffset + (last + 1) * type.byteWidth
  }

  /// An order in which equal layouts are neighbours.
  func precedes(_ other: TensorLayout) -> Bool {
    if byteOffset != other.byteOffset { return byteOffset < other.byteOffset }
    if elementCount != other.elementCount { return elementCount < other.elementCount }
    if type != other.type { return type.rawValue < other.type.rawValue }
    if shape != other.shape { return shape.lexicographicallyPrecedes(other.shape) }
    return strides.lexicographicallyPrecedes(other.strides)
  }

  /// A row-major tensor.
  /// - Throws: `ArithmeticError` if it is too large.
  init(contiguous type: ElementType, _ shape: [Int]) throws(ArithmeticError) {
    let count = try Checked.product(of: shape)
    _ = try Checked.byteCount(of: shape, type)
    var strides = [Int](repeating: 1, count: shape.count)
    var stride = 1
    for axis in shape.indices.reversed() {
      strides[axis] = stride
      // Checked above, except beside an empty dimension, where strides do not matter.
      stride = count == 0 ? 1 : stride * shape[axis]
    }
    self.init(type, shape, strides, byteOffset: 0, count)
  }

  private init(
    _ type: ElementType, _ shape: [Int], _ strides: [Int], byteOffset: Int, _ count: Int
  ) {
    self.type = type
    self.shape = shape
    self.strides = strides
    self.byteOffset = byteOffset
    self.elementCount = count
  }
}

/// Why a view is no tensor.
enum LayoutError: Error, Equatable {
  case malformed(String)
  case outside(needed: Int, available: Int)
}

extension TensorLayout {
  /// A view that repeats elements (stride 0) may be no larger than this when it is written out, so
  /// that a few bytes cannot stand for terabytes.
  static let repeatedByteLimit = 1 << 30

  /// A view into `view`, checked to lie within it. The offset counts elements.
  static func view(
    of view: StorageView, _ type: ElementType, elementOffset: Int, shape: [Int], strides: [Int]
  ) throws(LayoutError) -> TensorLayout {
    guard shape.count == strides.count, shape.count <= 64 else {
      throw .malformed("\(shape.count) dimensions with \(strides.count) strides")
    }
    guard elementOffset >= 0, strides.allSatisfy({ $0 >= 0 }) else {
      throw .malformed("offset \(elementOffset) and strides \(strides) must not be negative")
    }
    let extent: Extent
    do throws(ArithmeticError) {
      extent = try Extent(type, elementOffset, shape, strides)
    } catch { throw .malformed("\(error)") }
    guard extent.end <= view.byteCount else {
      throw .outside(needed: extent.end, available: view.byteCount)
    }
    guard extent.bytes <= max(view.byteCount, repeatedByteLimit) else {
      throw .malformed("shape \(shape) repeats elements beyond \(repeatedByteLimit) bytes")
    }
    return TensorLayout(
      type, shape, strides, byteOffset: view.byteOffset + extent.start, extent.count)
  }

  /// The reach of a view, by checked arithmetic.
  private struct Extent {
    let count: Int
    let bytes: Int
    var start = 0
    var end = 0

    init(
      _ type: ElementType, _ elementOffset: Int, _ shape: [Int], _ strides: [Int]
    ) throws(ArithmeticError) {
      count = try Checked.product(of: shape)
      bytes = try Checked.byteCount(of: shape, type)
      // An empty tensor needs nothing, wherever its offset points.
      if count == 0 { return }
      start = try Checked.multiply(elementOffset, type.byteWidth)
      var last = elementOffset
      for (dimension, stride) in zip(shape, strides) {
        last = try Checked.add(last, Checked.multiply(dimension - 1, stride))
      }
      end = try Checked.multiply(Checked.add(last, 1), type.byteWidth)
    }
  }
}
