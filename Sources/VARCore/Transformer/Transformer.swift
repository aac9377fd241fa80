import TensorBytes
import VARCompute
import VARModel
import VARQuant

/// The transformer with the memory of one batch: KV cache, adaLN table, activations.
///
/// The rows of a batch are sequences: one for each image, and where it is guided a second set for
/// the unconditional class. Everything is allocated by `init`, nothing while the scales run.
final class Transformer {
  let weights: TransformerWeights
  /// Images, B.
  let images: Int
  /// Sequences, R: B or 2B.
  let sequences: Int
  private let monitor: RunMonitor
  private let compute: Compute
  private let exact: Compute
  /// For layers that int8 arithmetic leaves out, see ``context(for:)``.
  private let spared: Compute
  private let caches: [KVCache]
  /// Of the batch at hand; whoever runs several batches in turn keeps one of each.
  var modulation: AdaLNTable
  /// Sees the inputs of the linear layers of blocks and head.
  var onInput: ((WeightMatrix, ActivationBuffer) throws -> Void)?
  private let conditions: FloatBuffer  // [R, C]
  private let stream: FloatBuffer  // [R·n, C]
  private let qkv: FloatBuffer  // [R·n, 3C]
  private let attended: FloatBuffer  // [R·n, C]
  private let logits: FloatBuffer  // [R·n, V]
  private let input: ActivationBuffer  // [R·n, C]
  private let hidden: ActivationBuffer  // [R·n, 4C]
  private let sparedInput: ActivationBuffer?  // [R·n, C]
  private let sparedHidden: ActivationBuffer?  // [R·n, 4C]
  private let exactInput: ActivationBuffer  // [R, C] or [B·n, Z]
  /// Tokens of the scale that runs, n, and of all scales before it.
  private var tokens = 0
  private var position = 0

  /// Allocates for a batch of `images`, twice as many sequences when it is `guided`.
  /// - Parameter cachedBlocks: blocks whose keys and values are kept; all of them, unless a block runs
  ///   over all scales before the next one does.
  /// - Throws: `ComputeError.outOfMemory`.
  init(
    _ weights: TransformerWeights, _ compute: Compute, images: Int, guided: Bool,
    monitor: RunMonitor, cachedBlocks: Int? = nil
  ) throws {
    let shape = weights.configuration
    let sequences = guided ? 2 * images : images
    let rows = sequences * (shape.patchNumbers.map { $0 * $0 }.max() ?? 0)
    self.weights = weights
    self.compute = compute
    self.images = images
    self.monitor = monitor
    self.sequences = sequences
    exact = compute.with(mode: .f32)
    spared = compute.with(mode: .bf16)
    caches = try (0..<(cachedBlocks ?? shape.depth)).map { _ in
      try KVCache(
        images: sequences, heads: shape.heads, tokens: shape.tokens, headWidth: shape.headWidth,
        storage: compute.mode == .f32 ? .f32 : .f16)
    }
    modulation = try AdaLNTable(rows: sequences, width: shape.width, depth: shape.depth)
    conditions = try FloatBuffer(count: sequences * shape.width)
    stream = try FloatBuffer(count: rows * shape.width)
    qkv = try FloatBuffer(count: rows * 3 * shape.width)
    attended = try FloatBuffer(count: rows * shape.width)
    logits = try FloatBuffer(count: rows * shape.vocabulary)
    input = try compute.activations(rows: rows, columns: shape.width)
    hidden = try compute.activations(rows: rows, columns: shape.hiddenWidth)
    let sparesInputs = weights.blocks.contains {
      compute.spares($0.qkv.weight) || compute.spares($0.projection.weight)
        || compute.spares($0.fc1.weight)
    }
    sparedInput =
      sparesInputs || compute.spares(weights.head.weight)
      ? try spared.activations(rows: rows, columns: shape.width) : nil
    sparedHidden =
      weights.blocks.contains { compute.spares($0.fc2.weight) }
      ? try spared.activations(rows: rows, columns: shape.hiddenWidth) : nil
    exactInput = try compute.activations(
      rows: rows, columns: max(shape.width, shape.latentChannels), mode: .f32)
  }

  /// The memory that it holds, and the threads' scratch that its run needs.
  var bytes: Int {
    let buffers = [conditions, stream, qkv, attended, logits]
    let inputs = [input, hidden, exactInput] + [sparedInput, sparedHidden].compactMap(\.self)
    let threads = compute.pool.threads
    return caches.reduce(0) { $0 + $1.bytes } + modulation.bytes
      + buffers.reduce(0) { $0 + $1.bytes } + inputs.reduce(0) { $0 + $1.bytes }
      + max(
        Compute.scratchBytes(threads: threads),
        Compute.scratchBytes(
          attentionOver: shape.tokens, headWidth: shape.headWidth, threads: threads))
  }

  private var shape: TransformerConfiguration { weights.configuration }

  /// How a layer is computed: as the whole, but for what int8 arithmetic leaves out.
  private func context(for weight: WeightMatrix) -> Compute {
    compute.spares(weight) ? spared : compute
  }

  /// The buffer for a layer's input [R·n, C] in the storage of its arithmetic.
  private func input(for weight: WeightMatrix) -> ActivationBuffer {
    compute.spares(weight) ? sparedInput ?? input : input
  }

  /// The residual stream of the scale that runs, [R·n, C].
  var activations: FloatMatrix { stream.matrix(rows: sequences * tokens, columns: shape.width) }

  /// The class embeddings, [R, C].
  var classConditions: FloatMatrix { conditions.matrix(rows: sequences, columns: shape.width) }

  /// Starts new sequences: evaluates adaLN for their labels and embeds the first scale.
  ///
  /// x = cond + pos_start + lvl_embed[0] + pos_1LC[0..<p_0²]; a guided batch's other half has the
  /// unconditional class.
  /// - Parameter labels: [B], rows of the class embedding.
  func begin(labels: [Int]) throws {
    let width = shape.width
    let unconditional = Array(repeating: shape.classes, count: sequences - images)
    for (row, label) in (labels + unconditional).enumerated() {
      exact.decode(
        weights.classEmbedding, rows: label..<label + 1,
        into: conditions.matrix(offset: row * width, rows: 1, columns: width))
    }
    try modulation.evaluate(
      classConditions, weights, exact, input: exactInput, monitor: monitor)
    for matrix in weights.adaLNMatrices { matrix.file.release(matrix.bytes) }
    position = 0
    tokens = (shape.patchNumbers.first ?? 0) * (shape.patchNumbers.first ?? 0)
    for row in 0..<sequences { embedStart(row) }
  }

  /// Goes on with a scale whose stream somebody kept, after `position` tokens of the scales before it.
  func resume(tokens: Int, position: Int) {
    self.tokens = tokens
    self.position = position
  }

  private func embedStart(_ row: Int) {
    let width = shape.width
    let count = tokens * width
    stream.withMutableSpan(in: row * count..<(row + 1) * count) { stream in
      conditions.withSpan(in: row * width..<(row + 1) * width) { condition in
        weights.startPositions.withSpan { start in
          weights.positions.withSpan(in: 0..<count) { positions in
            for index in 0..<count {
              stream[index] = condition[index % width] + start[index] + positions[index]
            }
          }
        }
      }
    }
  }

  /// Embeds the input of the next scale: word_embed(map) + lvl_embed[k] + pos_1LC[slice k].
  ///
  /// - Parameter map: [B·n, Z], for both halves of a guided batch.
  func embed(_ map: FloatMatrix) throws {
    let width = shape.width
    position += tokens
    tokens = map.rows / images
    try exact.prepare(map, into: exactInput)
    let half = map.rows * width
    for copy in 0..<sequences / images {
      let target = stream.matrix(offset: copy * half, rows: map.rows, columns: width)
      try exact.linear(
        exactInput, weights.wordEmbedding.weight, bias: weights.wordEmbedding.bias, into: target)
    }
    for row in 0..<sequences { addPositions(row) }
  }

  private func addPositions(_ row: Int) {
    let count = tokens * shape.width
    let first = position * shape.width
    stream.withMutableSpan(in: row * count..<(row + 1) * count) { stream in
      weights.positions.withSpan(in: first..<first + count) { positions in
        for index in 0..<count { stream[index] += positions[index] }
      }
    }
  }

  /// Runs one block over the tokens of the scale; their keys and values join the cache.
  ///
  /// x += gamma1·Attn(LN(x)·(1+scale1)+shift1), then x += gamma2·FFN(LN(x)·(1+scale2)+shift2).
  func run(block index: Int) throws {
    let block = weights.blocks[index]
    let ada = modulation.block(index, rows: 0..<sequences)
    let x = activations  // [R·n, C]
    let qkv = qkv.matrix(rows: x.rows, columns: 3 * shape.width)
    let attended = attended.matrix(rows: x.rows, columns: shape.width)

    let cache = caches[index % caches.count]
    let qkvInput = input(for: block.qkv.weight)
    try monitor.measure(.layerNorm) {
      try compute.layerNormModulate(x, scale: ada.scale1, shift: ada.shift1, into: qkvInput)
    }
    try onInput?(block.qkv.weight, qkvInput)
    try monitor.measure(.qkv) {
      try context(for: block.qkv.weight).linear(
        qkvInput, block.qkv.weight, bias: block.qkv.bias, into: qkv)
    }
    try monitor.measure(.cache) {
      try compute.append(qkv, to: cache, at: position, scaling: block.scaling)
    }
    // Queries of this scale over the keys of all scales so far; nothing is masked within the scale.
    try monitor.measure(.attention) {
      try compute.attention(
        qkv.columns(0..<shape.width), over: cache, keys: position + tokens, into: attended)
    }
    try monitor.measure(.projection) {
      let input = input(for: block.projection.weight)
      try compute.prepare(attended, into: input)
      try onInput?(block.projection.weight, input)
      try context(for: block.projection.weight).linearResidual(
        input, block.projection.weight, bias: block.projection.bias, gamma: ada.gamma1, into: x)
    }
    let mlpInput = input(for: block.fc1.weight)
    let hidden = compute.spares(block.fc2.weight) ? sparedHidden ?? hidden : hidden
    try monitor.measure(.layerNorm) {
      try compute.layerNormModulate(x, scale: ada.scale2, shift: ada.shift2, into: mlpInput)
    }
    try onInput?(block.fc1.weight, mlpInput)
    try monitor.measure(.fc1) {
      try context(for: block.fc1.weight).linearGELU(
        mlpInput, block.fc1.weight, bias: block.fc1.bias, into: hidden)
    }
    try onInput?(block.fc2.weight, hidden)
    try monitor.measure(.fc2) {
      try context(for: block.fc2.weight).linearResidual(
        hidden, block.fc2.weight, bias: block.fc2.bias, gamma: ada.gamma2, into: x)
    }
  }

  /// The logits of the first `count` sequences, [count·n, V].
  func head(sequences count: Int) throws -> FloatMatrix {
    let ada = modulation.head(rows: 0..<count)
    let x = activations.rows(0..<count * tokens)
    let output = logits.matrix(rows: x.rows, columns: shape.vocabulary)
    let input = input(for: weights.head.weight)
    try compute.layerNormModulate(x, scale: ada.scale, shift: ada.shift, into: input)
    try onInput?(weights.head.weight, input)
    try context(for: weights.head.weight).linear(
      input, weights.head.weight, bias: weights.head.bias, into: output)
    return output
  }
}

extension Compute {
  /// Whether int8 arithmetic leaves a layer out: its weights aren't int8 in the file. A conversion
  /// recipe thus decides which inputs are too sensitive; they are multiplied in bf16 mode.
  fileprivate func spares(_ weight: WeightMatrix) -> Bool {
    mode == .int8 && !weight.format.isInteger
  }
}
