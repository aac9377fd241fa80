internal import LinearAlgebra
internal import VARCompute
internal import VARQuant

/// Lowers (w − ŵ)ᵀ·H·(w − ŵ) of rows further, by coordinate descent from what GPTQ chose.
///
/// Block by block along a row: first the block's scale moves to where the error is least for its
/// codes, as near as an int8 number allows; then each code to the value nearest to its own least
/// error, which is at ŵ_j + g_j/H_jj with g = H·(w − ŵ). No step makes the error larger. Coordinate
/// descent over codes is QuantEase's (arXiv 2309.01885).
struct Refinement: Sendable {
  /// [N, K].
  let weights: SharedFloats
  /// [K, K], symmetric.
  let hessian: SharedFloats
  let columns: Int
  /// [N, K].
  let codes: SharedBytes
  /// What the codes stand for, [N, K].
  let values: SharedFloats
  let quantizer: BlockQuantizer
  let blas: BLAS

  /// Columns whose gradients are brought up to date by one product.
  private static let stretch = 128

  /// Passes over all columns of some rows.
  @unsafe func run(rows: Range<Int>, _ scales: inout [RowScales]) {
    let place = rows.lowerBound * columns
    unsafe withUnsafeTemporaryAllocation(
      of: Float.self, capacity: rows.count * (columns + Self.stretch)
    ) { memory in
      guard let errors = memory.baseAddress else { return }
      let gradients = unsafe errors + rows.count * columns
      for index in 0..<rows.count * columns {
        unsafe errors[index] = weights.base[place + index] - values.base[place + index]
      }
      for start in stride(from: 0, to: columns, by: Self.stretch) {
        let count = min(Self.stretch, columns - start)
        unsafe blas.multiply(
          .plain, rows.count, count, columns, errors, columns, hessian.base + start, columns,
          beta: 0, to: gradients, Self.stretch)
        for row in 0..<rows.count {
          for first in stride(from: start, to: start + count, by: quantizer.scaleSize) {
            let block = unsafe Block(
              first: first, start: start, count: count, errors: errors + row * columns,
              gradients: gradients + row * Self.stretch,
              codes: codes.base + place + row * columns,
              values: values.base + place + row * columns)
            unsafe refine(block, &scales[row])
          }
        }
      }
    }
  }

  /// A block of one row that shares a scale, in a stretch of columns.
  @unsafe private struct Block {
    let first: Int
    /// Of the stretch.
    let start: Int
    let count: Int
    /// Of the row, [K].
    let errors: UnsafeMutablePointer<Float>
    /// Of the stretch.
    let gradients: UnsafeMutablePointer<Float>
    /// Of the row, [K].
    let codes: UnsafeMutablePointer<UInt8>
    let values: UnsafeMutablePointer<Float>
  }

  @unsafe private func refine(_ block: Block, _ scales: inout RowScales) {
    let index = unsafe block.first / quantizer.scaleSize
    guard scales.scale8[index] != 0 else { return }
    unsafe moveScale(block, index, &scales)
    let scale = scales.scale(index)
    for column in unsafe block.first..<block.first + quantizer.scaleSize {
      let diagonal = unsafe hessian.base[column * (columns + 1)]
      let best =
        unsafe block.values[column]
        + block.gradients[column - block.start] / diagonal
      let code = quantizer.code(best, scale: scale)
      guard unsafe code != block.codes[column] else { continue }
      unsafe block.codes[column] = code
      unsafe set(quantizer.value(code) * scale, column, block)
    }
  }

  /// d = Σ c·g / Σ c·H·c of the codes' values c is what the scale lacks.
  @unsafe private func moveScale(_ block: Block, _ index: Int, _ scales: inout RowScales) {
    let range = unsafe block.first..<block.first + quantizer.scaleSize
    // The codes' values, one or two vectors of sixteen. They are filled in memory: the compiler moves
    // a whole vector for every lane that is set.
    let isWide = quantizer.scaleSize > 16
    let (slope, curvature) = unsafe withUnsafeTemporaryAllocation(
      of: SIMD16<Float>.self, capacity: 2
    ) { vectors in
      let values = unsafe UnsafeMutableRawBufferPointer(vectors).bindMemory(to: Float.self)
      var slope = Float(0)
      for (index, column) in range.enumerated() {
        let value = unsafe quantizer.value(block.codes[column])
        unsafe values[index] = value
        unsafe slope += value * block.gradients[column - block.start]
      }
      let numbers = UnsafeRawBufferPointer(values)
      let low = unsafe numbers.load(as: SIMD16<Float>.self)
      let high = unsafe numbers.load(fromByteOffset: 64, as: SIMD16<Float>.self)
      var sums = SIMD16<Float>()
      for (index, column) in range.enumerated() {
        let row = unsafe UnsafeRawPointer(hessian.base + column * columns + block.first)
        var products = unsafe row.loadUnaligned(as: SIMD16<Float>.self) * low
        if isWide {
          products += unsafe row.loadUnaligned(fromByteOffset: 64, as: SIMD16<Float>.self) * high
        }
        sums += unsafe products * values[index]
      }
      return (slope, sums.sum())
    }
    guard curvature > 0 else { return }
    let unit = RowScales(row16: scales.row16, scale8: [1]).scale(0)
    let wanted = (scales.scale(index) + slope / curvature) / unit
    let moved = max(-127, min(127, wanted.rounded()))
    guard moved != 0, moved != Float(scales.scale8[index]) else { return }
    scales.scale8[index] = Int8(moved)
    let scale = scales.scale(index)
    for column in range { unsafe set(quantizer.value(block.codes[column]) * scale, column, block) }
  }

  /// Gives a weight another value, and the stretch its gradients.
  @unsafe @inline(__always) private func set(_ value: Float, _ column: Int, _ block: Block) {
    let change = unsafe value - block.values[column]
    unsafe block.values[column] = value
    unsafe block.errors[column] -= change
    let row = unsafe hessian.base + column * columns + block.start
    let gradients = unsafe block.gradients
    for other in unsafe 0..<block.count { unsafe gradients[other] -= change * row[other] }
  }
}
