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

  /// No file holds more models.
  private static let rootLimit = 100

  /// The halves that a checkpoint holds: a state dict of one or both, or the trainer's.
  /// - Parameters:
  ///   - root: the path of the part that is meant; `.` for the top level, nil to find it.
  ///   - wanted: the half that is needed; nil for whatever there is.
  static func find(
    in checkpoint: Checkpoint, root: String? = nil, wanted: ModelHalf? = nil
  ) throws(ArchitectureError) -> [ModelHalf: StateDict] {
    let names = checkpoint.tensors.map { WrappedName.unwrapped($0.name) }
    var candidates: [ModelHalf: [String]] = [:]
    var chosen: [ModelHalf: String] = [:]
    for half in ModelHalf.allCases {
      let all = roots(of: half, in: names)
      candidates[half] = all
      guard all.count <= rootLimit else {
        throw .ambiguous(path: checkpoint.path, roots: all.map(shown).sorted())
      }
      let fitting = root.map { Self.choose(from: all, below: WrappedName.unwrapped($0)) } ?? all
      if fitting.count == 1 {
        chosen[half] = fitting[0]
      } else if let official = fitting.first(where: { $0 == trainerRoots[half] }) {
        chosen[half] = official
      } else if fitting.count > 1 && (wanted == nil || wanted == half) {
        throw .ambiguous(path: checkpoint.path, roots: fitting.map(shown).sorted())
      }
    }
    if chosen.isEmpty {
      let all = Set(candidates.values.joined()).sorted().map(shown)
      if let root, !all.isEmpty { throw .noSuchRoot(path: checkpoint.path, root: root, roots: all) }
      throw .notRecognized(path: checkpoint.path, classes: checkpoint.foreignClasses)
    }
    var halves: [ModelHalf: StateDict] = [:]
    for (half, root) in chosen {
      // What lies deeper is another copy, or the other half.
      let others = candidates.values.joined().filter { $0 != root && $0.hasPrefix(root) }
      halves[half] = try StateDict(
        half, root, in: checkpoint, names, leavingOut: others,
        isShared: root.isEmpty || chosen.values.count { $0 == root } > 1)
    }
    return halves
  }

  /// A root without its last dot, as `--root` takes it.
  private static func shown(_ root: String) -> String {
    root.isEmpty ? "." : String(root.dropLast())
  }

  /// The root of a path, or else those below it.
  private static func choose(from roots: [String], below path: String) -> [String] {
    if path == "." || path.isEmpty { return roots.filter(\.isEmpty) }
    let root = path.hasSuffix(".") ? path : path + "."
    return roots.contains(root) ? [root] : roots.filter { $0.hasPrefix(root) }
  }

  /// The paths at which a half begins, in the order of the file.
  private static func roots(of half: ModelHalf, in names: [String]) -> [String] {
    guard let marker = markers[half] else { return [] }
    var roots: [String] = []
    var known: Set<ByteKey> = []
    for name in names where name == marker || name.hasSuffix("." + marker) {
      let root = String(name.dropLast(marker.count))
      if known.insert(ByteKey(root)).inserted { roots.append(root) }
    }
    return roots
  }

  private init(
    _ half: ModelHalf, _ root: String, in checkpoint: Checkpoint, _ names: [String],
    leavingOut others: [String], isShared: Bool
  ) throws(ArchitectureError) {
    var tensors: [ByteKey: CheckpointTensor] = [:]
    for (tensor, whole) in zip(checkpoint.tensors, names)
    where whole.hasPrefix(root) && !others.contains(where: whole.hasPrefix) {
      let name = whole.dropFirst(root.count)
      // Both halves may lie side by side: their names do not collide.
      let module = name.prefix { $0 != "." }
      if isShared && Self.tokenizerModules.contains(module) != (half == .tokenizer) { continue }
      guard tensors.updateValue(tensor, forKey: ByteKey(name)) == nil else {
        throw .duplicateName(path: checkpoint.path, name: String(name))
      }
    }
    self.init(half: half, checkpoint: checkpoint, root: root, tensors: tensors)
  }
}

/// Names without the wrappers that PyTorch puts around modules.
private enum WrappedName {
  /// `DistributedDataParallel`, `torch.compile`, FSDP and activation checkpointing; they nest, and
  /// may be around any module.
  private static let wrappers = [
    "module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module",
  ].map { Array($0.utf8) }

  static func unwrapped(_ name: String) -> String {
    // Most names have none, and a file may hold hundreds of thousands.
    var rest = name.utf8[...]
    var isWrapped = false
    while !rest.isEmpty && !isWrapped {
      let part = rest.prefix { $0 != dot }
      isWrapped = isWrapper(part)
      rest = rest[part.endIndex...].dropFirst()
    }
    guard isWrapped else { return name }
    return name.utf8.split(separator: dot, omittingEmptySubsequences: false)
      .filter { !isWrapper($0) }.map { String(Substring($0)) }.joined(separator: ".")
  }

  private static func isWrapper(_ part: Substring.UTF8View) -> Bool {
    wrappers.contains { part.elementsEqual($0) }
  }

  private static let dot = UInt8(ascii: ".")
}

extension Checkpoint {
  /// The classes of values that only Python can build, a few of them.
  fileprivate var foreignClasses: [String] {
    var classes: [String] = []
    for leaf in leaves {
      guard case .other(let name) = leaf.value, name.contains("."), !classes.contains(name) else {
        continue
      }
      classes.append(name)
      if classes.count == 3 { break }
    }
    return classes
  }
}
