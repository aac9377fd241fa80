import CVARKernels
import VARQuant

extension WeightMatrix {
  /// Lends the weight in the form that the kernels take.
  @unsafe func withKernelWeights<R>(_ body: (inout cvar_weights) -> R) -> R {
    withExtendedLifetime(file) {
      var weights = unsafe cvar_weights(
        format: cvar_format(rawValue: format.traits.kernelCode), n: rows, k: columns,
        values: address(of: data), scales: blockScales.map { unsafe address(of: $0) },
        bits: furtherBits.map { unsafe address(of: $0) },
        row_scales: rowScales.map {
          unsafe address(of: $0).assumingMemoryBound(to: UInt16.self)
        })
      return unsafe body(&weights)
    }
  }
}
