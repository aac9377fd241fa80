package import VARCompute
package import VARQuant

/// Quantizes a weight column by column, and lets the columns that are still to come make up for the
/// error so far (GPTQ, arXiv 2210.17323).
///
/// With scales that were chosen beforehand ("static groups") and columns in the order of the falling
/// diagonal of H ("act order"). For each column j: q = the nearest value to w_j; e = (w_j − q)/U_jj;
/// then w_t −= e·U_jt for every later column t, at once within a block of columns, and as one product
/// of matrices beyond it. Rows do not depend on each other.
package struct GPTQ {
  /// The chosen code of each weight, [N, K].
  package let codes: SharedBytes
  /// The scales of each row.
  package private(set) var scales: [RowScales]
  /// The values that the codes stand for, [N, K].
  package let values: SharedFloats

  /// Columns of a block; the paper's number.
  private static let blockColumns = 128
  /// Rows of a task.
  private static let taskRows = 64

  /// Quantizes weights.
  /// - Parameters:
  ///   - weights: [N, K].
  ///   - factors: of the Hessians of consecutive parts of the layer's inputs, which make up for
  ///     errors in themselves alone; or one of all.
  ///   - refinements: how often ``Refinement`` passes over the result.
  /// - Throws: `EncodingError`, `ComputeError.outOfMemory`.
  package init(
    _ weights: SharedFloats, rows: Int, _ factors: [InverseFactor], _ quantizer: BlockQuantizer,
    refinements: Int = 1, _ pool: ThreadPool, _ blas: BLAS
  ) throws {
    let columns = factors.reduce(0) { $0 + $1.order.count }
    precondition(weights.count == rows * columns && columns % quantizer.scaleSize == 0, "shape")
    scales = try Self.scales(
      weights, rows: rows, importance: factors.flatMap(\.diagonal), quantizer, pool)
    codes = try SharedBytes(count: rows * columns)
    values = try SharedFloats(count: rows * columns)
    var tasks: [Task] = []
    var first = 0
    for factor in factors {
      tasks.append(
        Task(
          weights: weights, columns: columns, first: first, factor: factor, scales: scales,
          codes: codes, values: values, quantizer: quantizer, blas: blas))
      first += factor.order.count
    }
    let count = (rows + Self.taskRows - 1) / Self.taskRows
    pool.parallel(count) { [tasks] index in
      let first = index * Self.taskRows
      for task in tasks { unsafe task.run(rows: first..<min(first + Self.taskRows, rows)) }
    }
    guard refinements > 0, let factor = factors.first, factors.count == 1 else { return }
    let refined = Results<RowScales>(count: rows)
    let refinement = Refinement(
      weights: weights, hessian: factor.damped, columns: columns, codes: codes, values: values,
      quantizer: quantizer, blas: blas)
    pool.parallel(count) { [scales] index in
      let first = index * Self.taskRows
      let range = first..<min(first + Self.taskRows, rows)
      var scales = Array(scales[range])
      for _ in 0..<refinements { unsafe refinement.run(rows: range, &scales) }
      for row in range { refined.set(row, .success(scales[row - first])) }
    }
    scales = try refined.get()
  }

  /// The scales of every row, searched with the diagonal of H as the weight of each column's error.
  private static func scales(
    _ weights: SharedFloats, rows: Int, importance: [Float], _ quantizer: BlockQuantizer,
    _ pool: ThreadPool
  ) throws -> [RowScales] {
    let columns = importance.count
    let results = Results<RowScales>(count: rows)
    pool.parallel(rows) { row in
      let values = unsafe UnsafeBufferPointer(
        start: weights.base + row * columns, count: columns)
      unsafe importance.withUnsafeBufferPointer { importance in
        results.set(row, Result { try unsafe quantizer.scales(values, importance: importance) })
      }
    }
    return try results.get()
  }

  /// What all tasks share.
  private struct Task: Sendable {
    let weights: SharedFloats
    /// Of the weights.
    let columns: Int
    /// Of the factor's columns, among those of the weights.
    let first: Int
    let factor: InverseFactor
    let scales: [RowScales]
    let codes: SharedBytes
    let values: SharedFloats
    let quantizer: BlockQuantizer
    let blas: BLAS

    @unsafe func run(rows: Range<Int>) {
      let columns = factor.order.count
      unsafe withUnsafeTemporaryAllocation(of: Float.self, capacity: rows.count * columns) { w in
        unsafe withUnsafeTemporaryAllocation(
          of: Float.self, capacity: rows.count * GPTQ.blockColumns
        ) { errors in
          guard let w = w.baseAddress, let errors = errors.baseAddress else { return }
          unsafe gather(rows, into: w)
          var end = columns
          while end > 0 {
            let block = max(0, end - GPTQ.blockColumns)..<end
            for row in rows.indices {
              let index = row - rows.lowerBound
              unsafe quantize(
                row, block, w + index * columns, errors + index * GPTQ.blockColumns)
            }
            unsafe blas.multiply(
              .plain, rows.count, block.lowerBound, block.count, alpha: -1, errors,
              GPTQ.blockColumns, factor.inverse.base + block.lowerBound * columns, columns, to: w,
              columns)
            end = block.lowerBound
          }
        }
      }
    }

    /// The rows' weights in the order of the factor, [rows, K].
    @unsafe private func gather(_ rows: Range<Int>, into w: UnsafeMutablePointer<Float>) {
      let columns = factor.order.count
      for (index, row) in rows.enumerated() {
        let source = unsafe weights.base + row * self.columns + first
        for place in 0..<columns {
          unsafe w[index * columns + place] = source[factor.order[place]]
        }
      }
    }

    /// Quantizes the columns of a block of one row, from the last place to the first.
    @unsafe private func quantize(
      _ row: Int, _ block: Range<Int>, _ w: UnsafeMutablePointer<Float>,
      _ errors: UnsafeMutablePointer<Float>
    ) {
      let start = block.lowerBound
      let scales = scales[row]
      let factors = scales.scale8.indices.map { scales.scale($0) }
      for place in block.reversed() {
        let column = first + factor.order[place]
        let scale = factors[column / quantizer.scaleSize]
        let weight = unsafe w[place]
        let code = quantizer.code(weight, scale: scale)
        let chosen = quantizer.value(code) * scale
        unsafe codes.base[row * columns + column] = code
        unsafe values.base[row * columns + column] = chosen
        let inverse = unsafe factor.inverse.base + place * factor.order.count
        let error = unsafe (weight - chosen) / inverse[place]
        unsafe errors[place - start] = error
        for later in start..<place { unsafe w[later] -= error * inverse[later] }
      }
    }
  }
}
