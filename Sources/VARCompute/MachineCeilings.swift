import CVARKernels

/// What the machine can do at most, measured by loops that do nothing else.
package struct MachineCeilings: Sendable {
  /// f32 multiply-adds, 1e9 operations a second on all threads; 0 where the CPU has none of ours.
  package let f32: Double
  /// bf16 dot products likewise.
  package let bf16: Double
  /// int8 dot products likewise.
  package let int8: Double
  /// Memory read, 1e9 bytes a second.
  package let read: Double

  /// Bytes that the reading test goes through, more than a last-level cache holds.
  private static let readBytes = 512 << 20

  /// Measures for about a second on the threads of a context.
  package init(_ compute: Compute) {
    let measured = unsafe cvar_measure_ceilings(compute.pool.pool, Self.readBytes, false)
    f32 = measured.f32
    bf16 = measured.bf16
    int8 = measured.int8
    read = measured.read
  }

  /// The fastest arithmetic that a mode may use here.
  package func arithmetic(of mode: ComputeMode) -> Double {
    switch mode {
    case .f32: f32
    case .bf16: max(f32, bf16)
    case .int8: max(f32, int8)
    }
  }
}
