/// What PyTorch rounded weights and inputs of matrices and convolutions to in a reference (`torch.autocast`).
package enum ReferencePrecision: String, Sendable, Codable, CaseIterable {
  /// Nothing: f32, on a GPU without TF32.
  case none
  /// bfloat16.
  case bf16
  /// IEEE half precision.
  case fp16

  /// How far from f32 something may be; the quantities are those of ``ParityLimits``.
  struct Rounding {
    var stream: Double
    var gain: Double
    var decoder: Double
    var features: Double
    var divergence: Double
    var agreement: Double

    /// Takes in another cause, independent of those before it.
    mutating func add(_ other: Rounding) {
      stream += other.stream
      gain += other.gain
      decoder += other.decoder
      features += other.features
      divergence += other.divergence
      agreement = min(agreement, other.agreement)
    }
  }

  /// What it costs a reference: about 2.5 times the worst of our f32 against PyTorch's autocast, over two
  /// runs each of the demo model and the tests' three on a CPU (`tools/autocast_limits.py` measures it
  /// again), and one run of VAR-d16's shapes with noise weights on a CPU and one on an H200:
  ///
  /// | | blocks, logits | gain | decoder | f̂ | KL | least agreement |
  /// |---|---|---|---|---|---|---|
  /// | bf16 | 1.2e-2 | 7.3e-4 | 1.6e-2 | 2.3e-3 | 9.0e-4 | 0.67 |
  /// | bf16, d16 | 1.4e-2 | 9.1e-4 | 1.3e-2 | 2.0e-3 | 1.6e-3 | 0.84 |
  /// | fp16 | 1.4e-3 | 1.5e-4 | 1.7e-3 | 1.8e-4 | 1.4e-5 | 0.92 |
  /// | fp16, d16, H200 | 1.7e-3 | 2.5e-5 | 1.2e-3 | 4.1e-4 | 2.8e-5 | 0.98 |
  var rounding: Rounding {
    switch self {
    case .none:
      Rounding(stream: 0, gain: 0, decoder: 0, features: 0, divergence: 0, agreement: 1)
    case .bf16:
      Rounding(
        stream: 3.5e-2, gain: 2.3e-3, decoder: 4e-2, features: 6e-3, divergence: 4e-3,
        agreement: 0.3)
    case .fp16:
      Rounding(
        stream: 4.4e-3, gain: 4e-4, decoder: 4.5e-3, features: 1e-3, divergence: 7e-5,
        agreement: 0.5)
    }
  }
}
