import CVARKernels
import TensorBytes
import VARQuant

extension WeightMatrix {
  /// Lends the weight in the form that the kernels take.
  @unsafe func withKernelWeights<R>(_ body: (inout cvar_weights) -> R) -> R {
    withExtendedLifetime(file) {
      var weights = unsafe cvar_weights(
        format: formatCode, n: rows, k: columns, values: bytes(data),
        scales: blockScales.flatMap { unsafe bytes($0) },
        bits: furtherBits.flatMap { unsafe bytes($0) },
        row_scales: rowScales.flatMap { unsafe bytes($0)?.assumingMemoryBound(to: UInt16.self) })
      return unsafe body(&weights)
    }
  }

  @unsafe private func bytes(_ range: Range<Int>) -> UnsafeRawPointer? {
    guard let bytes = unsafe try? file.unsafeBytes(in: range) else {
      preconditionFailure("ranges are validated when a matrix is made")
    }
    return bytes.baseAddress
  }

  private var formatCode: cvar_format {
    switch format {
    case .f32: CVAR_FORMAT_F32
    case .f16: CVAR_FORMAT_F16
    case .bf16: CVAR_FORMAT_BF16
    case .q8: CVAR_FORMAT_Q8
    case .q6: CVAR_FORMAT_Q6
    case .q5: CVAR_FORMAT_Q5
    case .q4: CVAR_FORMAT_Q4
    case .q3: CVAR_FORMAT_Q3
    default: preconditionFailure("\(format) has no kernels")
    }
  }
}
