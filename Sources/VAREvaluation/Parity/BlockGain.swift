/// How much a block adds to the stream, measured by what it adds in the reference.
///
/// With Δ = output − input of a block over all tokens, channels and scales: ⟨Δ, Δ_ref⟩ / ⟨Δ_ref, Δ_ref⟩. Rounding
/// errs to both sides and all but cancels; a factor that is wrong, such as adaLN's γ, does not. So this sees what is far
/// below the relative error of reduced precision.
package struct BlockGain: Equatable, Sendable, Encodable {
  /// The block, from 0.
  package let block: Int
  private var product = 0.0
  private var square = 0.0
  /// 1 where a block does what the reference's does, or that does nothing.
  package var gain: Double { square == 0 ? 1 : product / square }

  private enum CodingKeys: String, CodingKey {
    case block
    case gain
  }

  /// Knows nothing yet.
  package init(block: Int) { self.block = block }

  /// Takes in a scale: the streams before and after the block, [R·n, C] each.
  package mutating func add(
    ours: (before: [Float], after: [Float]), reference: (before: [Float], after: [Float])
  ) {
    for index in ours.after.indices {
      let own = Double(ours.after[index]) - Double(ours.before[index])
      let other = Double(reference.after[index]) - Double(reference.before[index])
      product += own * other
      square += other * other
    }
  }

  /// Writes block and gain.
  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(block, forKey: .block)
    try container.encode(gain, forKey: .gain)
  }
}
