/// How codes of a few bits lie in memory: planes of 4, 2 or 1 bits, of blocks of 32 along a row.
///
/// In a block, quad g = 0…7 is elements 4g…4g + 3. In a plane of b bits, a byte holds 8/b quads'
/// bits of one element e of the quad: byte 4·(g / (8/b)) + e, from bit b·(g mod (8/b)) on. So 32-bit
/// words can be transposed while they are packed, and each quad is then a shift and a mask.
struct CodePlanes {
  /// Weights of a block; rows have whole blocks.
  static let blockSize = 32

  /// Bits of each plane, the codes' lower bits first.
  let widths: [Int]

  init(bits: Int) {
    let low = bits < 4 ? 2 : 4
    widths = bits > low ? [low, bits - low] : [low]
  }

  /// Adds the bits of a plane of whole blocks to the codes, `shift` bits up.
  static func unpack(
    _ plane: UnsafeRawBufferPointer, width: Int, shift: Int, into codes: inout [UInt8]
  ) {
    let mask = UInt8((1 << width) - 1)
    for index in codes.indices {
      let place = Self.place(index, width)
      unsafe codes[index] |= (plane[place.byte] >> place.shift & mask) << shift
    }
  }

  /// Writes a plane of whole blocks: `width` bits of each code from bit `shift` on.
  static func pack(
    _ codes: UnsafeBufferPointer<UInt8>, width: Int, shift: Int,
    into plane: UnsafeMutableBufferPointer<UInt8>
  ) {
    let mask = UInt8((1 << width) - 1)
    for index in plane.indices { unsafe plane[index] = 0 }
    for index in codes.indices {
      let place = Self.place(index, width)
      unsafe plane[place.byte] |= (codes[index] >> shift & mask) << place.shift
    }
  }

  /// Where the bits of an element are.
  @inline(__always) private static func place(
    _ index: Int, _ width: Int
  ) -> (byte: Int, shift: Int) {
    let (block, quad, element) = (index / 32, index % 32 / 4, index % 4)
    let quads = 8 / width
    return (block * 4 * width + quad / quads * 4 + element, quad % quads * width)
  }
}
