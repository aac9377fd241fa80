import CVARKernels

/// An instruction set that kernels are written for.
///
/// In ``ComputeMode/f32`` and ``ComputeMode/int8`` every level gives a linear layer the same bits.
package enum CPULevel: String, Sendable, CaseIterable {
  /// Plain C, the reference.
  case scalar
  /// AVX2, FMA and F16C.
  case avx2
  /// AVX2 with AVX-VNNI: processors without AVX-512, such as Intel's N100.
  case avxvnni
  /// AVX-512 F, BW, VL and DQ.
  case avx512
  /// AVX-512 with VNNI.
  case avx512vnni
  /// AVX-512 with VNNI and BF16.
  case avx512bf16
  /// AVX-512 with VNNI, BF16 and FP16.
  case avx512fp16
  /// Arm NEON (AArch64).
  case neon
  /// Arm NEON with dot product.
  case neondot

  /// Whether CPU and operating system support it.
  package var isAvailable: Bool { cvar_level_available(code) }

  /// The levels of this machine, the fullest last.
  package static let available = allCases.filter(\.isAvailable)

  /// The fullest level of this machine.
  package static let best = available.last ?? .scalar

  /// Whether ``ComputeMode/bf16`` is faster than ``ComputeMode/f32`` here.
  ///
  /// AMD's bf16 dot products are, by two. Intel's reach half the FLOP/s of its f32 fused
  /// multiply-add (family 6, model 207: 86 and 175 GFLOP/s a core); there f16 multiply-adds serve
  /// (365), which keep three bits more of each factor.
  package var multipliesBF16Faster: Bool {
    cvar_bf16_arithmetic(code) != CVAR_ARITHMETIC_BF16_F32
  }

  var code: cvar_level {
    switch self {
    case .scalar: CVAR_LEVEL_SCALAR
    case .avx2: CVAR_LEVEL_AVX2
    case .avxvnni: CVAR_LEVEL_AVXVNNI
    case .avx512: CVAR_LEVEL_AVX512
    case .avx512vnni: CVAR_LEVEL_AVX512VNNI
    case .avx512bf16: CVAR_LEVEL_AVX512BF16
    case .avx512fp16: CVAR_LEVEL_AVX512FP16
    case .neon: CVAR_LEVEL_NEON
    case .neondot: CVAR_LEVEL_NEONDOT
    }
  }
}
