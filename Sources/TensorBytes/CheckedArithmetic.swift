/// Arithmetic on numbers from a file left the range of `Int`, or a size was negative.
package struct ArithmeticError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The expression, such as "4294967296 * 4294967296".
  package let expression: String

  /// Makes an error that shows `expression`.
  package init(_ expression: String) { self.expression = expression }

  /// The message for the user.
  package var description: String {
    "\(expression) is not a valid size (negative, or too large for 64 bits)"
  }
}

/// Sums and products of sizes that came from a file: overflow is an error, never a trap.
package enum Checked {
  /// a + b.
  /// - Throws: ``ArithmeticError`` on overflow.
  package static func add(_ a: Int, _ b: Int) throws(ArithmeticError) -> Int {
    let (sum, overflow) = a.addingReportingOverflow(b)
    if overflow { throw ArithmeticError("\(a) + \(b)") }
    return sum
  }

  /// a · b.
  /// - Throws: ``ArithmeticError`` on overflow.
  package static func multiply(_ a: Int, _ b: Int) throws(ArithmeticError) -> Int {
    let (product, overflow) = a.multipliedReportingOverflow(by: b)
    if overflow { throw ArithmeticError("\(a) * \(b)") }
    return product
  }

  /// The number of elements of a tensor: 1 for a scalar, 0 if any dimension is 0.
  ///
  /// Dimensions are multiplied even beside a 0, so that the strides of the shape exist too.
  /// - Throws: ``ArithmeticError`` if a dimension is negative or the non-zero ones overflow.
  package static func product(of shape: [Int]) throws(ArithmeticError) -> Int {
    var count = 1
    var isEmpty = false
    for dimension in shape {
      if dimension < 0 { throw ArithmeticError("shape \(shape)") }
      if dimension == 0 {
        isEmpty = true
        continue
      }
      let (product, overflow) = count.multipliedReportingOverflow(by: dimension)
      if overflow { throw ArithmeticError("shape \(shape)") }
      count = product
    }
    return isEmpty ? 0 : count
  }

  /// The bytes of a row-major tensor.
  /// - Throws: ``ArithmeticError`` if a dimension is negative or the product overflows.
  package static func byteCount(of shape: [Int], _ type: ElementType) throws(ArithmeticError) -> Int
  {
    let count = try product(of: shape)
    let (bytes, overflow) = count.multipliedReportingOverflow(by: type.byteWidth)
    if overflow { throw ArithmeticError("shape \(shape) of \(type.rawValue)") }
    return bytes
  }

  /// `value` rounded up to a multiple of `alignment`, which is a power of two.
  /// - Throws: ``ArithmeticError`` on overflow.
  package static func align(_ value: Int, to alignment: Int) throws(ArithmeticError) -> Int {
    try add(value, alignment - 1) & ~(alignment - 1)
  }
}
