internal import Platform

/// What is lost by storing block scales as int8 numbers times a binary16, over some rows.
///
/// Each block's noise relative to its own signal is averaged, for scales as stored and for scales in
/// binary32: blocks count alike, for the inputs that small ones are multiplied with may be large.
package struct ScaleLoss: Sendable {
  private var exact = 0.0
  private var stored = 0.0

  /// Of no rows yet.
  package init() {}

  /// Takes in a row of whole blocks.
  package mutating func add(
    _ row: UnsafeBufferPointer<Float>, _ quantizer: BlockQuantizer
  ) throws(EncodingError) {
    let scales = unsafe try quantizer.exactScales(row)
    let result = quantizer.stored(scales)
    for block in scales.indices {
      let range = block * quantizer.scaleSize..<(block + 1) * quantizer.scaleSize
      exact += unsafe Self.noise(row, range, quantizer, scales[block])
      stored += unsafe Self.noise(row, range, quantizer, result.scale(block))
    }
  }

  /// How much less the signal-to-noise ratio is.
  package var decibels: Double { exact > 0 ? 10 * log10(stored / exact) : 0 }

  /// Σ (w − ŵ)² / Σ w² of a block, 0 for zeros.
  private static func noise(
    _ row: UnsafeBufferPointer<Float>, _ block: Range<Int>, _ quantizer: BlockQuantizer,
    _ scale: Float
  ) -> Double {
    var (signal, noise) = (0.0, 0.0)
    for index in block {
      let value = unsafe row[index]
      let error = value - quantizer.value(quantizer.code(value, scale: scale)) * scale
      signal += Double(value) * Double(value)
      noise += Double(error) * Double(error)
    }
    return signal > 0 ? noise / signal : 0
  }
}
