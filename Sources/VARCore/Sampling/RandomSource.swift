/// The random numbers of PyTorch's CPU generator: MT19937 seeded by `init_genrand`.
///
/// One seed gives the numbers that `torch.Generator().manual_seed(seed)` gives on a CPU, so that
/// the same seed draws the tokens of the official code. Measured with torch 2.13; older x86 builds
/// of torch drew exponentials from another generator.
package struct RandomSource: Sendable {
  /// Words of the twister's state.
  private static let size = 624
  /// Distance of the word that is folded in.
  private static let shift = 397

  private var state: [UInt32]
  private var position = RandomSource.size

  /// Starts the generator; seeds count modulo 2³².
  package init(seed: UInt64) {
    var word = UInt32(truncatingIfNeeded: seed)
    state = [word]
    state.reserveCapacity(Self.size)
    for index in 1..<Self.size {
      word = 1_812_433_253 &* (word ^ (word >> 30)) &+ UInt32(truncatingIfNeeded: index)
      state.append(word)
    }
  }

  /// The next 32 bits.
  package mutating func nextWord() -> UInt32 {
    if position == Self.size { twist() }
    defer { position += 1 }
    return Self.temper(state[position])
  }

  /// Fills `words` with what as many calls of ``nextWord()`` would return.
  mutating func fill(_ words: UnsafeMutableBufferPointer<UInt32>) {
    var done = 0
    while done < words.count {
      if position == Self.size { twist() }
      let count = min(Self.size - position, words.count - done)
      unsafe state.withUnsafeBufferPointer { state in
        for index in 0..<count {
          unsafe words[done + index] = Self.temper(state[position + index])
        }
      }
      position += count
      done += count
    }
  }

  /// A uniform number of [0, 1) with 53 random bits, from two words.
  package mutating func nextUniform() -> Double {
    let high = nextWord()
    return Self.uniform(high, nextWord())
  }

  /// A draw of the exponential distribution with mean 1, computed in f64 and rounded, as torch does.
  package mutating func nextExponential() -> Float {
    let high = nextWord()
    return Self.exponential(high, nextWord())
  }

  /// n/2⁵³ of the lowest 53 bits n of `high`·2³² + `low`.
  @inline(__always)
  static func uniform(_ high: UInt32, _ low: UInt32) -> Double {
    Double((UInt64(high) << 32 | UInt64(low)) & 0x1f_ffff_ffff_ffff) * 0x1p-53
  }

  @inline(__always)
  static func exponential(_ high: UInt32, _ low: UInt32) -> Float {
    Float(-logOnePlus(-uniform(high, low)))
  }

  @inline(__always)
  private static func temper(_ word: UInt32) -> UInt32 {
    var word = word
    word ^= word >> 11
    word ^= (word << 7) & 0x9d2c_5680
    word ^= (word << 15) & 0xefc6_0000
    return word ^ (word >> 18)
  }

  @inline(__always)
  private static func mix(_ upper: UInt32, _ lower: UInt32) -> UInt32 {
    ((upper & 0x8000_0000 | lower & 0x7fff_ffff) >> 1) ^ (0 &- (lower & 1)) & 0x9908_b0df
  }

  /// Makes the next 624 words; three loops, so that none needs an index modulo 624.
  private mutating func twist() {
    let size = Self.size
    let shift = Self.shift
    unsafe state.withUnsafeMutableBufferPointer { state in
      for index in 0..<size - shift {
        unsafe state[index] = state[index + shift] ^ Self.mix(state[index], state[index + 1])
      }
      for index in size - shift..<size - 1 {
        unsafe state[index] = state[index + shift - size] ^ Self.mix(state[index], state[index + 1])
      }
      unsafe state[size - 1] = state[shift - 1] ^ Self.mix(state[size - 1], state[0])
    }
    position = 0
  }
}
