import CVARKernels
import TensorBytes

/// The input of linear layers, [rows, columns], in the storage of a ``ComputeMode``: f32, bf16, or
/// int8 with an f32 scale for each 32 elements of a row.
///
/// Made by ``Compute/activations(rows:columns:mode:)``, filled by the operations that take one
/// `into:`; they set ``rows`` and ``columns`` anew each time, within the capacity.
@safe package final class ActivationBuffer {
  /// The mode that multiplies it.
  package let mode: ComputeMode
  /// The rows that it holds now.
  package internal(set) var rows = 0
  /// The columns that it holds now, K.
  package internal(set) var columns = 0
  /// Elements that it can hold, the rows' padding included.
  let capacity: Int
  let arithmetic: cvar_arithmetic
  private let values: UnsafeMutableRawPointer
  private let scales: FloatBuffer?  // [rows, columns / 32]
  private let offsets: FloatBuffer?  // [rows, columns / 32], the bytes of int32 numbers

  init(
    rows: Int, columns: Int, mode: ComputeMode, arithmetic: cvar_arithmetic
  ) throws(ComputeError) {
    guard rows > 0, columns > 0, columns < 1 << 40 else { throw .outOfMemory(bytes: .max) }
    let (capacity, overflow) = rows.multipliedReportingOverflow(
      by: cvar_activation_stride(arithmetic, columns))
    guard !overflow, capacity < Int.max / 8 else { throw .outOfMemory(bytes: .max) }
    self.mode = mode
    self.arithmetic = arithmetic
    self.capacity = capacity
    let blocks = arithmetic == CVAR_ARITHMETIC_INT8 ? capacity / Int(CVAR_BLOCK) : 0
    scales = blocks > 0 ? try FloatBuffer(count: blocks) : nil
    offsets = blocks > 0 ? try FloatBuffer(count: blocks) : nil
    unsafe values = try Memory.map(Self.valueBytes(capacity, arithmetic))
  }

  deinit { unsafe Memory.unmap(values, Self.valueBytes(capacity, arithmetic)) }

  private static func valueBytes(_ capacity: Int, _ arithmetic: cvar_arithmetic) -> Int {
    Memory.pages(capacity * cvar_activation_size(arithmetic))
  }

  /// The memory that it may touch, in whole pages.
  package var bytes: Int { Self.bytes(capacity: capacity, arithmetic) }

  private static func bytes(capacity: Int, _ arithmetic: cvar_arithmetic) -> Int {
    let isInt8 = arithmetic == CVAR_ARITHMETIC_INT8
    let blocks = FloatBuffer.bytes(count: capacity / Int(CVAR_BLOCK))
    return valueBytes(capacity, arithmetic) + (isInt8 ? 2 * blocks : 0)
  }

  /// The memory of a buffer for [rows, columns].
  static func bytes(rows: Int, columns: Int, arithmetic: cvar_arithmetic) -> Int {
    bytes(capacity: rows * cvar_activation_stride(arithmetic, columns), arithmetic)
  }

  /// Takes a new shape; the elements are undefined until written.
  func reshape(rows: Int, columns: Int) {
    precondition(
      rows >= 0 && columns > 0 && rows * cvar_activation_stride(arithmetic, columns) <= capacity,
      "[\(rows), \(columns)] exceeds the activation buffer")
    self.rows = rows
    self.columns = columns
  }

  /// Copies a row, [K], as it is multiplied.
  /// - Precondition: the buffer is none of ``ComputeMode/int8``.
  package func copy(row: Int, into target: UnsafeMutableBufferPointer<Float>) {
    precondition(row >= 0 && row < rows && target.count == columns, "no such row")
    precondition(arithmetic != CVAR_ARITHMETIC_INT8, "a row of int8 numbers")
    let start = row * cvar_activation_stride(arithmetic, columns)
    if arithmetic == CVAR_ARITHMETIC_F32 {
      let source = unsafe values.assumingMemoryBound(to: Float.self) + start
      for column in 0..<columns { unsafe target[column] = source[column] }
      return
    }
    let source = unsafe values.assumingMemoryBound(to: UInt16.self) + start
    if arithmetic == CVAR_ARITHMETIC_F16 {
      for column in 0..<columns {
        unsafe target[column] = HalfPrecision.float(f16: source[column])
      }
    } else {
      for column in 0..<columns {
        unsafe target[column] = HalfPrecision.float(bf16: source[column])
      }
    }
  }

  /// What the kernels take; valid while this object is alive.
  @unsafe var kernelActivations: cvar_activations {
    unsafe cvar_activations(
      arithmetic: arithmetic, columns: columns,
      stride: cvar_activation_stride(arithmetic, columns), values: values,
      scales: scales?.base,
      offsets: offsets.map {
        unsafe UnsafeMutableRawPointer($0.base).assumingMemoryBound(to: Int32.self)
      }
    )
  }
}
