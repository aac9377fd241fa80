internal import TensorBytes

/// What a survey finds out about the values of a tensor; a recipe may ask for nothing else.
package struct TensorFacts: Equatable, Sendable {
  /// The largest magnitude, as f32; infinite or NaN if a value is.
  package let largestMagnitude: Float

  /// Whether every value is a number.
  package var isFinite: Bool { largestMagnitude.isFinite }
}

/// Gathers the facts of a tensor whose elements come piece by piece.
struct FactCollector {
  private var largest: UInt32 = 0

  /// The facts of all elements so far.
  var facts: TensorFacts { TensorFacts(largestMagnitude: Float(bitPattern: largest)) }

  /// Takes in the next elements as the checkpoint has them; `buffer` is room for the values of some.
  mutating func add(
    _ elements: UnsafeRawBufferPointer, _ type: ElementType,
    _ buffer: UnsafeMutableBufferPointer<Float>
  ) {
    let width = type.byteWidth
    for range in (0..<elements.count).pieces(of: buffer.count * width) {
      let count = unsafe type.convertToFloats(
        UnsafeRawBufferPointer(rebasing: elements[range]), into: buffer)
      unsafe add(UnsafeBufferPointer(rebasing: buffer[..<count]))
    }
  }

  /// Takes in the next values.
  mutating func add(_ values: UnsafeBufferPointer<Float>) {
    var largest = largest
    for index in 0..<values.count {
      // Magnitudes are ordered like their bits; infinity and NaN come after all finite ones.
      largest = max(largest, unsafe values[index].bitPattern & 0x7FFF_FFFF)
    }
    self.largest = largest
  }
}
