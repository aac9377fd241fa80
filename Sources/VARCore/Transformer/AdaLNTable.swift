import VARCompute
import VARModel
import VARQuant

/// The adaptive LayerNorm parameters of all blocks and the head for each row of a batch.
///
/// They depend on the label alone, so one evaluation serves all scales of a picture.
struct AdaLNTable {
  private let width: Int
  private let depth: Int
  private let stride: Int
  /// [R, 6C·D + 2C]: for each block gamma1, gamma2, scale1, scale2, shift1, shift2, then the head's
  /// scale and shift.
  private let values: FloatBuffer
  private let rows: Int

  /// Reserves a table for `rows` rows.
  init(rows: Int, width: Int, depth: Int) throws {
    self.rows = rows
    self.width = width
    self.depth = depth
    stride = (6 * depth + 2) * width
    values = try FloatBuffer(count: rows * stride)
  }

  /// The memory that it holds.
  var bytes: Int { values.bytes }

  /// Six [R, C] matrices of a block.
  func block(_ index: Int, rows range: Range<Int>) -> BlockModulation {
    func column(_ part: Int) -> FloatMatrix { vectors(index * 6 + part, rows: range) }
    return BlockModulation(
      gamma1: column(0), gamma2: column(1), scale1: column(2), scale2: column(3),
      shift1: column(4), shift2: column(5))
  }

  /// Scale and shift of the head, [R, C] each.
  func head(rows range: Range<Int>) -> (scale: FloatMatrix, shift: FloatMatrix) {
    (vectors(6 * depth, rows: range), vectors(6 * depth + 1, rows: range))
  }

  private func vectors(_ index: Int, rows range: Range<Int>) -> FloatMatrix {
    table(columns: index * width..<(index + 1) * width).rows(range)
  }

  private func table(columns: Range<Int>) -> FloatMatrix {
    values.matrix(
      offset: columns.lowerBound, rows: rows, columns: columns.count, stride: stride)
  }

  /// Evaluates all adaLN layers: Linear(SiLU(cond)); a layer that the blocks share once.
  ///
  /// Always in f32: it happens once a picture, is bound by memory, and everything depends on it.
  /// - Parameters:
  ///   - conditions: class embeddings, [R, C].
  ///   - input: an f32 activation buffer for [R, C].
  /// - Throws: `CancellationError`.
  func evaluate(
    _ conditions: FloatMatrix, _ weights: TransformerWeights, _ compute: Compute,
    input: ActivationBuffer, monitor: RunMonitor
  ) throws {
    try compute.prepareSiLU(conditions, into: input)
    for (index, block) in weights.blocks.enumerated() {
      try monitor.poll()
      let target = self.block(index)
      switch block.adaLN {
      case .linear(let layer):
        try compute.linear(input, layer.weight, bias: layer.bias, into: target)
      case .offset:
        // The first block's place holds the shared product until its own offset comes, last.
        if index > 0 {
          copy(self.block(0), to: target)
        } else if let shared = weights.sharedAdaLN {
          try compute.linear(input, shared.weight, bias: shared.bias, into: target)
        }
      }
    }
    for (index, block) in weights.blocks.enumerated() {
      if case .offset(let offset) = block.adaLN { add(offset, to: self.block(index)) }
    }
    let head = table(columns: 6 * depth * width..<stride)
    try compute.linear(input, weights.headAdaLN.weight, bias: weights.headAdaLN.bias, into: head)
  }

  /// The six parts of a block, [R, 6C].
  private func block(_ index: Int) -> FloatMatrix {
    table(columns: index * 6 * width..<(index + 1) * 6 * width)
  }

  private func copy(_ source: FloatMatrix, to target: FloatMatrix) {
    for row in 0..<target.rows {
      for column in 0..<target.columns { target[row, column] = source[row, column] }
    }
  }

  private func add(_ offset: FloatVector, to target: FloatMatrix) {
    for row in 0..<target.rows {
      let start = target.offset + row * target.stride
      target.buffer.withMutableSpan(in: start..<start + target.columns) { span in
        offset.withSpan { offset in
          for index in 0..<span.count { span[index] += offset[index] }
        }
      }
    }
  }
}

/// The modulation of one block, [R, C] each: x += gamma·f(LN(x)·(1 + scale) + shift).
struct BlockModulation {
  let gamma1: FloatMatrix
  let gamma2: FloatMatrix
  let scale1: FloatMatrix
  let scale2: FloatMatrix
  let shift1: FloatMatrix
  let shift2: FloatMatrix
}
