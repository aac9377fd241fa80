import VARCompute

/// Exact selection and sorting of floats by their bits, in linear time and preallocated memory.
@safe final class RadixSelection {
  private static let bins = 2048
  /// Where the digits of a selection lie, from the top.
  private static let digits: [(shift: UInt32, mask: UInt32)] = [(21, 2047), (10, 2047), (0, 1023)]
  private let memory = Workspace()
  private let histogram: UnsafeMutableBufferPointer<UInt32>
  private let keys: UnsafeMutableBufferPointer<UInt32>
  private let order: UnsafeMutableBufferPointer<UInt32>
  private let spare: UnsafeMutableBufferPointer<UInt32>

  /// - Throws: ``ComputeError/outOfMemory(bytes:)``.
  init(capacity: Int) throws(ComputeError) {
    let count = Self.bins + 3 * capacity
    let words = unsafe try memory.take(bytes: count * MemoryLayout<UInt32>.stride)
      .bindMemory(to: UInt32.self, capacity: count)
    let rest = unsafe words + Self.bins
    unsafe histogram = UnsafeMutableBufferPointer(start: words, count: Self.bins)
    unsafe keys = UnsafeMutableBufferPointer(start: rest, count: capacity)
    unsafe order = UnsafeMutableBufferPointer(start: rest + capacity, count: capacity)
    unsafe spare = UnsafeMutableBufferPointer(start: rest + 2 * capacity, count: capacity)
  }

  /// A key that orders as the floats do; −0 counts as 0.
  @inline(__always)
  private static func key(_ value: Float) -> UInt32 {
    let bits = (value + 0).bitPattern
    return bits & 0x8000_0000 != 0 ? ~bits : bits | 0x8000_0000
  }

  private static func value(_ key: UInt32) -> Float {
    Float(bitPattern: key & 0x8000_0000 != 0 ? key & 0x7fff_ffff : ~key)
  }

  /// The `rank`-th largest of finite `values`, counted from 1.
  ///
  /// Digit by digit from the top: of 11, 11 and 10 bits, each pass over the candidates alone.
  func largest(_ rank: Int, of values: UnsafeBufferPointer<Float>) -> Float {
    var count = values.count
    for index in 0..<count { unsafe keys[index] = Self.key(values[index]) }
    var rank = rank
    for (shift, mask) in Self.digits {
      countDigits(count, shift, mask)
      let digit = digit(holding: &rank, mask)
      var matching = 0
      for index in 0..<count {
        let key = unsafe keys[index]
        unsafe keys[matching] = key
        matching += (key >> shift) & mask == digit ? 1 : 0
      }
      count = matching
    }
    return unsafe Self.value(keys[0])
  }

  private func countDigits(_ count: Int, _ shift: UInt32, _ mask: UInt32) {
    unsafe histogram.update(repeating: 0)
    for index in 0..<count {
      unsafe histogram[Int((keys[index] >> shift) & mask)] += 1
    }
  }

  /// The digit at which the `rank`-th largest stands; `rank` then counts among those with it.
  private func digit(holding rank: inout Int, _ mask: UInt32) -> UInt32 {
    var digit = Int(mask)
    while unsafe digit > 0 && rank > Int(histogram[digit]) {
      rank -= unsafe Int(histogram[digit])
      digit -= 1
    }
    return UInt32(truncatingIfNeeded: digit)
  }

  /// Indices 0..<count in ascending order of their values, equal ones by index.
  ///
  /// The result is valid until the next call.
  func ascending(_ count: Int, _ value: (Int) -> Float) -> UnsafeMutableBufferPointer<UInt32> {
    for index in 0..<count {
      unsafe keys[index] = Self.key(value(index))
      unsafe order[index] = UInt32(truncatingIfNeeded: index)
    }
    unsafe scatter(count, 0, from: order, to: spare)
    unsafe scatter(count, 11, from: spare, to: order)
    unsafe scatter(count, 22, from: order, to: spare)
    return unsafe spare
  }

  /// One stable pass of the least-significant-digit sort.
  private func scatter(
    _ count: Int, _ shift: UInt32, from source: UnsafeMutableBufferPointer<UInt32>,
    to target: UnsafeMutableBufferPointer<UInt32>
  ) {
    countDigits(count, shift, 2047)
    var start: UInt32 = 0
    for digit in 0..<Self.bins {
      let size = unsafe histogram[digit]
      unsafe histogram[digit] = start
      start += size
    }
    for rank in 0..<count {
      let index = unsafe source[rank]
      let digit = unsafe Int((keys[Int(index)] >> shift) & 2047)
      unsafe target[Int(histogram[digit])] = index
      unsafe histogram[digit] += 1
    }
  }
}
