package import LinearAlgebra
package import VARCompute

/// What a layer's inputs x, [K] each, tell of it: H = E[x·xᵀ], [K, K], and their mean.
///
/// H is half the Hessian of E‖(W − Ŵ)·x‖² by a row of Ŵ; constant factors do not matter to GPTQ.
package final class Hessian {
  /// Inputs of the layer, K.
  package let width: Int
  /// Inputs so far, N.
  package private(set) var count = 0
  /// Σ x·xᵀ of all but the gathered inputs: the tiles on and below the diagonal, [K, K].
  private let sum: SharedFloats
  /// Σ x likewise, [K].
  private var sums: [Double]
  private let gathered: GatheredInputs
  /// Inputs that are gathered.
  private var waiting = 0
  private let pool: ThreadPool
  private let blas: BLAS

  /// Side of a tile: a task of its own, so that a sum is the same on any number of threads.
  private static let tile = 512
  /// Inputs that one task writes.
  private static let taskRows = 64
  /// Columns whose sum, and side of what is mirrored, by one task.
  private static let strip = 64

  /// The memory that one of this width holds, beside its inputs.
  static func bytes(width: Int) -> Int { 4 * width * width }

  /// Begins without inputs.
  /// - Parameter room: for inputs that wait; nil for a room of its own.
  /// - Throws: `ComputeError.outOfMemory`.
  package init(
    width: Int, _ compute: Compute, _ blas: BLAS, gathering room: GatheredInputs? = nil
  ) throws(ComputeError) {
    self.width = width
    pool = compute.pool
    self.blas = blas
    sum = try SharedFloats(count: width * width)
    gathered = if let room { room } else { try GatheredInputs(width: width, compute) }
    sums = [Double](repeating: 0, count: width)
  }

  /// Takes in more inputs.
  /// - Parameter body: writes an input, [K]; is called on several threads at once.
  package func add(
    _ rows: Int, _ body: @Sendable (_ row: Int, _ target: UnsafeMutableBufferPointer<Float>) -> Void
  ) {
    precondition(gathered.user == nil || gathered.user === self, "another's inputs are waiting")
    gathered.user = self
    var first = 0
    while first < rows {
      if waiting == GatheredInputs.capacity { flush() }
      let taken = min(rows - first, GatheredInputs.capacity - waiting)
      let (start, place, width, gathered) = (first, waiting, width, gathered.values)
      pool.parallel((taken + Self.taskRows - 1) / Self.taskRows) { task in
        for row in task * Self.taskRows..<min((task + 1) * Self.taskRows, taken) {
          let target = unsafe UnsafeMutableBufferPointer(
            start: gathered.base + (place + row) * width, count: width)
          unsafe body(start + row, target)
        }
      }
      first += taken
      waiting += taken
      count += taken
    }
  }

  /// The mean input, [K].
  package func mean() -> [Double] {
    flush()
    return sums.map { $0 / Double(max(1, count)) }
  }

  /// The diagonal of H.
  package func diagonal() -> [Float] {
    flush()
    return (0..<width).map { sum[$0 * width + $0] / Float(max(1, count)) }
  }

  /// An element of H.
  package func element(_ row: Int, _ column: Int) -> Float {
    let (row, column) = (max(row, column), min(row, column))
    return unsafe sum.base[row * width + column] / Float(max(1, count))
  }

  /// Adds the gathered inputs and their products to the sums.
  func flush() {
    if gathered.user === self { gathered.user = nil }
    guard waiting > 0 else { return }
    addInputs()
    defer { waiting = 0 }
    if let gram = gathered.gram {
      return unsafe gram.add(gathered.values.base, count: waiting, width: width, to: sum.base)
    }
    let side = (width + Self.tile - 1) / Self.tile
    let (width, rows, blas, sum, x) = (width, waiting, blas, sum, gathered.values)
    pool.parallel(side * (side + 1) / 2) { task in
      let (i, j) = Self.place(task)
      let (row, column) = (i * Self.tile, j * Self.tile)
      let target = unsafe sum.base + row * width + column
      if i == j {
        unsafe blas.addSquare(
          min(Self.tile, width - row), rows, x.base + row, width, to: target, width)
      } else {
        unsafe blas.multiply(
          .firstTransposed, min(Self.tile, width - row), min(Self.tile, width - column), rows,
          x.base + row, width, x.base + column, width, to: target, width)
      }
    }
  }

  /// Adds the gathered inputs to Σ x.
  private func addInputs() {
    let (width, rows, x) = (width, waiting, gathered.values)
    unsafe sums.withUnsafeMutableBufferPointer { sums in
      // Every task has columns of its own.
      nonisolated(unsafe) let sums = unsafe sums
      pool.parallel((width + Self.strip - 1) / Self.strip) { task in
        let columns = task * Self.strip..<min((task + 1) * Self.strip, width)
        for row in 0..<rows {
          let input = unsafe x.base + row * width
          for column in columns { unsafe sums[column] += Double(input[column]) }
        }
      }
    }
  }

  /// H + a share of its mean diagonal on the diagonal, [K, K], made in place: the Hessian is used up.
  package func damped(by damping: Float) -> SharedFloats {
    let diagonal = diagonal()
    let mean = Float(diagonal.reduce(0.0) { $0 + Double($1) } / Double(width))
    let scale = 1 / Float(max(1, count))
    let side = (width + Self.strip - 1) / Self.strip
    let (width, sum) = (width, sum)
    pool.parallel(side * (side + 1) / 2) { task in
      let (i, j) = Self.place(task)
      for row in i * Self.strip..<min((i + 1) * Self.strip, width) {
        for column in j * Self.strip..<min((j + 1) * Self.strip, row + 1) {
          let value = unsafe sum.base[row * width + column] * scale
          unsafe sum.base[row * width + column] = value
          unsafe sum.base[column * width + row] = value
        }
        if i == j { unsafe sum.base[row * (width + 1)] += damping * mean }
      }
    }
    return sum
  }

  /// The tile of a task: (0,0), (1,0), (1,1), (2,0), …
  static func place(_ task: Int) -> (Int, Int) {
    var row = 0
    var first = 0
    while first + row + 1 <= task {
      first += row + 1
      row += 1
    }
    return (row, task - first)
  }
}
