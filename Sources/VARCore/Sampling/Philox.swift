/// Philox4x32-10, the counter-based generator that CUDA's random numbers come from: J. K. Salmon et al.,
/// "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
package enum Philox {
  /// Four words, a function of counter and key alone.
  package static func words(_ counter: SIMD4<UInt32>, key: SIMD2<UInt32>) -> SIMD4<UInt32> {
    var (words, key) = (counter, key)
    for round in 0..<10 {
      if round > 0 { key &+= SIMD2(0x9e37_79b9, 0xbb67_ae85) }
      let first = words[0].multipliedFullWidth(by: 0xd251_1f53)
      let second = words[2].multipliedFullWidth(by: 0xcd9e_8d57)
      words = SIMD4(
        second.high ^ words[1] ^ key[0], second.low, first.high ^ words[3] ^ key[1], first.low)
    }
    return words
  }
}
