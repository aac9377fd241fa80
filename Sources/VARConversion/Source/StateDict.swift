internal import SafetensorsIO
internal import TensorBytes
internal import VARModel

/// The tensors of one half by their official names, out of a checkpoint.
struct StateDict: Sendable {
  let half: ModelHalf
  let checkpoint: Checkpoint
  /// Where the half lies in the checkpoint: nothing, or a path with a dot at its end.
  let root: String
  let tensors: [ByteKey: CheckpointTensor]

  /// What names the file in messages.
  var path: String { checkpoint.path }

  /// The shape of a tensor that is needed to infer the architecture.
  func shape(_ name: String, rank: Int) throws(ArchitectureError) -> [Int] {
    guard let tensor = tensors[name: name] else {
      throw .mismatch(path: path, missing: [name], surplus: [], misshapen: [])
    }
    guard tensor.shape.count == rank else {
      throw .wrongRank(path: path, tensor: name, expected: rank, actual: tensor.shape)
    }
    return tensor.shape
  }

  /// One more than the largest N of the names `PREFIX.N.…`.
  func count(below prefix: String) -> Int {
    let indices = tensors.keys.lazy.map(\.text).filter { $0.hasPrefix(prefix + ".") }.compactMap {
      name in
      name.dropFirst(prefix.count + 1).split(separator: ".").first.flatMap { Int($0) }
    }
    let largest = indices.max() ?? -1
    return largest < 1 << 20 ? largest + 1 : 1 << 20
  }
}

extension StateDict {
  /// Wrappers of `DistributedDataParallel` and `torch.compile`, which may be nested.
  private static let wrappers = ["module.", "_orig_mod."]
  /// Where the official trainer keeps each half.
  private static let trainerRoots: [ModelHalf: String] = [
    .transformer: "trainer.var_wo_ddp.", .tokenizer: "trainer.vae_local.",
  ]
  /// A tensor that only this half has.
  private static let markers: [ModelHalf: String] = [
    .transformer: "word_embed.weight", .tokenizer: "quantize.embedding.weight",
  ]
  /// The VQ-VAE's modules; everything else belongs to the transformer.
  private static let tokenizerModules: Set<Substring> = [
    "encoder", "decoder", "quantize", "quant_conv", "post_quant_conv",
  ]

  /// The halves that a checkpoint holds: a state dict of one or both, or the trainer's.
  static func find(
    in checkpoint: Checkpoint
  ) throws(ArchitectureError) -> [ModelHalf: StateDict] {
    var halves: [ModelHalf: StateDict] = [:]
    var others: [String] = []
    for half in ModelHalf.allCases {
      let roots = roots(of: half, in: checkpoint)
      if let root = roots.first(where: { $0 == "" || $0 == trainerRoots[half] }) {
        halves[half] = try StateDict(half, root, in: checkpoint)
      }
      others += roots.filter { $0 != "" }.map { String($0.dropLast()) }
    }
    if halves.isEmpty {
      if others.isEmpty { throw .notRecognized(path: checkpoint.path) }
      throw .nested(path: checkpoint.path, roots: Set(others).sorted())
    }
    return halves
  }

  /// The paths at which a half begins, without wrappers, in the order of the file.
  private static func roots(of half: ModelHalf, in checkpoint: Checkpoint) -> [String] {
    guard let marker = markers[half] else { return [] }
    var roots: [String] = []
    var known: Set<Substring> = []
    for tensor in checkpoint.tensors
    where tensor.name == marker || tensor.name.hasSuffix("." + marker) {
      var root = tensor.name.dropLast(marker.count)
      while let wrapper = wrappers.first(where: { root == $0 || root.hasSuffix("." + $0) }) {
        root = root.dropLast(wrapper.count)
      }
      if known.insert(root).inserted { roots.append(String(root)) }
    }
    return roots
  }

  private init(
    _ half: ModelHalf, _ root: String, in checkpoint: Checkpoint
  ) throws(ArchitectureError) {
    var tensors: [ByteKey: CheckpointTensor] = [:]
    for tensor in checkpoint.tensors where tensor.name.hasPrefix(root) {
      var name = tensor.name.dropFirst(root.count)
      while let wrapper = Self.wrappers.first(where: { name.hasPrefix($0) }) {
        name = name.dropFirst(wrapper.count)
      }
      let module = name.prefix { $0 != "." }
      // At the top level both halves may lie side by side: their names do not collide.
      if root.isEmpty && Self.tokenizerModules.contains(module) != (half == .tokenizer) {
        continue
      }
      guard tensors.updateValue(tensor, forKey: ByteKey(name)) == nil else {
        throw .duplicateName(path: checkpoint.path, name: String(name))
      }
    }
    self.init(half: half, checkpoint: checkpoint, root: root, tensors: tensors)
  }
}
