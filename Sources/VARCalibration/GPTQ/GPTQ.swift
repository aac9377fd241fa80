package import LinearAlgebra
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
  /// Rows of a task: the factor is packed anew by each, and there are to be tasks for all threads.
  private static func taskRows(of rows: Int) -> Int { rows < 1024 ? 64 : 128 }

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
    let taskRows = Self.taskRows(of: rows)
    let count = (rows + taskRows - 1) / taskRows
    pool.parallel(count) { [tasks] index in
      let first = index * taskRows
      for task in tasks { unsafe task.run(rows: first..<min(first + taskRows, rows)) }
    }
    guard refinements > 0, let factor = factors.first, factors.count == 1 else { return }
    let refined = Results<RowScales>(count: rows)
    let refinement = Refinement(
      weights: weights, hessian: factor.damped, columns: columns, codes: codes, values: values,
      quantizer: quantizer, blas: blas)
    pool.parallel(count) { [scales] index in
      let first = index * taskRows
      let range = first..<min(first + taskRows, rows)
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
      let groups = (rows.count + Lanes.scalarCount - 1) / Lanes.scalarCount
      unsafe withUnsafeTemporaryAllocation(
        of: Float.self, capacity: rows.count * (columns + GPTQ.blockColumns)
      ) { w in
        unsafe withUnsafeTemporaryAllocation(
          of: Lanes.self, capacity: groups * scaleBlocks + GPTQ.blockColumns
        ) { lanes in
          guard let w = w.baseAddress, let factors = lanes.baseAddress else { return }
          let errors = unsafe w + rows.count * columns
          unsafe gather(rows, into: w)
          unsafe gatherFactors(rows, into: factors)
          var end = columns
          while end > 0 {
            let block = max(0, end - GPTQ.blockColumns)..<end
            for group in 0..<groups {
              let start = group * Lanes.scalarCount
              unsafe quantize(
                rows.dropFirst(start).prefix(Lanes.scalarCount), block, w + start * columns,
                errors + start * GPTQ.blockColumns, factors: factors + group * scaleBlocks,
                tile: factors + groups * scaleBlocks)
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

    /// A number of each of sixteen rows.
    private typealias Lanes = SIMD16<Float>

    /// Scales of a row.
    private var scaleBlocks: Int { columns / quantizer.scaleSize }

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

    /// The rows' scales, [rows / 16, scales of a row, 16]; 1 in lanes beyond the last row.
    @unsafe private func gatherFactors(_ rows: Range<Int>, into target: UnsafeMutablePointer<Lanes>)
    {
      for (index, row) in rows.enumerated() {
        let (group, lane) = index.quotientAndRemainder(dividingBy: Lanes.scalarCount)
        for block in 0..<scaleBlocks {
          let place = group * scaleBlocks + block
          if lane == 0 { unsafe (target + place).initialize(to: Lanes(repeating: 1)) }
          unsafe target[place][lane] = scales[row].scale(block)
        }
      }
    }

    /// Quantizes the columns of a block of up to sixteen rows, from the last place to the first.
    /// - Parameters:
    ///   - w: the rows' weights, [rows, K].
    ///   - errors: is given (w − q)/U_jj, [rows, 128].
    ///   - factors: the rows' scales.
    ///   - tile: room for the block's weights, column by column.
    @unsafe private func quantize(
      _ rows: Range<Int>, _ block: Range<Int>, _ w: UnsafeMutablePointer<Float>,
      _ errors: UnsafeMutablePointer<Float>, factors: UnsafeMutablePointer<Lanes>,
      tile: UnsafeMutablePointer<Lanes>
    ) {
      let (start, width) = (block.lowerBound, factor.order.count)
      // Single lanes are written and read in memory: the compiler moves whole vectors otherwise.
      let numbers = unsafe UnsafeMutableRawPointer(tile).assumingMemoryBound(to: Float.self)
      let scales = unsafe UnsafeMutableRawPointer(factors).assumingMemoryBound(to: Float.self)
      unsafe numbers.update(repeating: 0, count: block.count * Lanes.scalarCount)
      for lane in 0..<rows.count {
        let row = unsafe w + lane * width + start
        for column in 0..<block.count {
          unsafe numbers[column * Lanes.scalarCount + lane] = row[column]
        }
      }
      for place in block.reversed() {
        let column = first + factor.order[place]
        let weight = unsafe tile[place - start]
        let chosen = unsafe numbers + (place - start) * Lanes.scalarCount
        let scale = unsafe scales + column / quantizer.scaleSize * Lanes.scalarCount
        for (lane, row) in rows.enumerated() {
          let code = unsafe quantizer.code(chosen[lane], scale: scale[lane])
          unsafe chosen[lane] = quantizer.value(code) * scale[lane]
          unsafe codes.base[row * columns + column] = code
          unsafe values.base[row * columns + column] = chosen[lane]
        }
        let inverse = unsafe factor.inverse.base + place * width
        let error = unsafe (weight - tile[place - start]) / inverse[place]
        unsafe tile[place - start] = error
        for lane in 0..<rows.count {
          unsafe errors[lane * GPTQ.blockColumns + place - start] = chosen[lane]
        }
        for later in 0..<place - start { unsafe tile[later] -= error * inverse[start + later] }
      }
    }
  }
}
