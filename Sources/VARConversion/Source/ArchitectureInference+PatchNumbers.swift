internal import SafetensorsIO
internal import TensorBytes

extension ArchitectureInference {
  /// The lists of the released models, for 256 and 512 pixels.
  private static let official = [
    [1, 2, 3, 4, 5, 6, 8, 10, 13, 16], [1, 2, 3, 4, 6, 9, 13, 18, 24, 32],
  ]

  /// The side lengths of the token maps: from `lvl_1L`, else from the trainer's configuration, else
  /// as given, else the official list that fits.
  func patchNumbers() throws -> [Int] {
    let sides: [Int]
    if let inferred = try levels() ?? trained() {
      if let given = options.patchNumbers, given != inferred {
        throw ArchitectureError.patchNumbers(path: path, given: given, inferred: inferred)
      }
      sides = inferred
    } else {
      sides = try options.patchNumbers ?? officialSides()
    }
    try checkCounts(sides)
    return sides
  }

  private var path: String { (transformer ?? tokenizer)?.path ?? "" }

  /// The run lengths of `lvl_1L` [1, L], which are the squares of the side lengths.
  private func levels() throws -> [Int]? {
    guard let state = transformer, let tensor = state.tensors[name: "lvl_1L"] else { return nil }
    let invalid = ArchitectureError.badLevels(path: state.path)
    guard tensor.elementCount > 0, tensor.elementCount <= 1 << 22 else { throw invalid }
    var counts: [Int] = []
    for level in try numbers(tensor, of: state) {
      if level == counts.count { counts.append(0) }
      guard level >= 0, level == counts.count - 1 else { throw invalid }
      counts[level] += 1
    }
    return try counts.map { count in
      let side = Int(Double(count).squareRoot())
      guard side * side == count else { throw invalid }
      return side
    }
  }

  /// Integers, also of files that were cast to f16 with all they hold.
  private func numbers(_ tensor: CheckpointTensor, of state: StateDict) throws -> [Int] {
    guard tensor.type.isFloatingPoint else { return try state.checkpoint.integers(of: tensor) }
    return try state.checkpoint.floats(of: tensor).map { value in
      guard let number = Int(exactly: value) else {
        throw ArchitectureError.badLevels(path: state.path)
      }
      return number
    }
  }

  /// `trainer.config.patch_nums` of a training checkpoint.
  private func trained() -> [Int]? {
    for state in [transformer, tokenizer] {
      let leaf = state?.checkpoint.leaves.first { $0.name == "trainer.config.patch_nums" }
      if case .integers(let sides) = leaf?.value, !sides.isEmpty { return sides }
    }
    return nil
  }

  private func officialSides() throws(ArchitectureError) -> [Int] {
    let tokens = transformer?.tensors[name: "pos_1LC"]?.shape.dropFirst().first
    let scales = tokenizer?.tensors[name: "quantize.ema_vocab_hit_SV"]?.shape.first
    let match = Self.official.first { sides in
      (tokens == nil || tokens == Self.count(sides)) && (scales == nil || scales == sides.count)
    }
    guard let match else { throw .unknownPatchNumbers(path: path, tokens: tokens, scales: scales) }
    return match
  }

  /// The tensors that have an entry a token or a scale must agree.
  private func checkCounts(_ sides: [Int]) throws(ArchitectureError) {
    func check(
      _ state: StateDict?, _ name: String, _ axis: Int, _ count: Int?
    ) throws(ArchitectureError) {
      guard let state, let shape = state.tensors[name: name]?.shape, shape.count > axis else {
        return
      }
      guard shape[axis] == count else {
        throw .patchNumberCount(
          path: state.path, tensor: name, expected: shape[axis], patchNumbers: sides)
      }
    }
    try check(transformer, "pos_1LC", 1, Self.count(sides))
    try check(transformer, "lvl_embed.weight", 0, sides.count)
    try check(tokenizer, "quantize.ema_vocab_hit_SV", 0, sides.count)
  }

  /// L, or nil where it is beyond all reason.
  private static func count(_ sides: [Int]) -> Int? {
    sides.reduce(0) { sum, side in
      guard let sum, let square = try? Checked.multiply(side, side) else { return nil }
      return try? Checked.add(sum, square)
    }
  }
}
