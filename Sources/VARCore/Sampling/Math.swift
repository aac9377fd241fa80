// The C library's functions behind names of our own: the overloads of `log1p`, `exp` and `log`
// differ in precision, and this file says once which one is meant.
internal import Platform

/// log(1 + x) in f64.
@inline(__always)
package func logOnePlus(_ value: Double) -> Double { log1p(value) }

/// exp(x) in f32.
@inline(__always)
package func exponential(_ value: Float) -> Float { exp(value) }

/// log(x) in f32.
@inline(__always)
package func logarithm(_ value: Float) -> Float { log(value) }

/// exp(x) in f64.
@inline(__always)
package func exponential(_ value: Double) -> Double { exp(value) }

/// log(x) in f64.
@inline(__always)
package func logarithm(_ value: Double) -> Double { log(value) }
