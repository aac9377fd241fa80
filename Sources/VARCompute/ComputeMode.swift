import CVARKernels

/// How large matrix products are computed; the weights' format is another matter.
public enum ComputeMode: String, Sendable, CaseIterable {
  /// Inputs and weights as f32, sums in f32.
  case f32
  /// Inputs and weights rounded to bf16 and multiplied by bf16 dot products, or as f32 where those
  /// are slow; rounded to f16 where only f16 multiply-adds are fast, which is more exact.
  case bf16
  /// Inputs and weights as int8 with a scale for 32 elements along K, sums in f32.
  case int8

  /// The most accurate mode that is fast at a level: bf16 where its products are faster than f32
  /// ones, else f32.
  package static func automatic(at level: CPULevel) -> ComputeMode {
    level.multipliesBF16Faster ? .bf16 : .f32
  }

  /// How a linear layer's input is stored in this mode.
  func arithmetic(at level: CPULevel) -> cvar_arithmetic {
    switch self {
    case .f32: CVAR_ARITHMETIC_F32
    case .bf16: cvar_bf16_arithmetic(level.code)
    case .int8: CVAR_ARITHMETIC_INT8
    }
  }
}
