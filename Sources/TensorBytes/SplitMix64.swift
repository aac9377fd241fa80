/// SplitMix64 (Steele, Lea and Flood, 2014).
package struct SplitMix64: Sendable {
  private var state: UInt64

  /// Begins at a state.
  package init(state: UInt64) { self.state = state }

  /// The next 64 bits.
  package mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var bits = state
    bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
    bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
    return bits ^ (bits >> 31)
  }

  /// The first 64 bits.
  package var first: UInt64 {
    var copy = self
    return copy.next()
  }

  /// A number below a limit, each as probable as any other.
  package mutating func below(_ limit: Int) -> Int {
    let limit = UInt64(limit)
    // Of the numbers that are too large for whole runs, a new one.
    let end = UInt64.max - UInt64.max % limit
    while true {
      let bits = next()
      if bits < end { return Int(bits % limit) }
    }
  }
}
