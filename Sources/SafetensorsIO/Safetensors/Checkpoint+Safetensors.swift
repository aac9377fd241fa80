internal import Synchronization
internal import TensorBytes

extension Checkpoint {
  /// A shard's number is of no use beyond this.
  private static let shardLimit = 4096

  static func openSafetensors(
    _ file: MappedFile, _ budget: inout FileBudget
  ) throws(CheckpointError) -> Checkpoint {
    let header: SafetensorsHeader
    do throws(SafetensorsError) {
      header = try SafetensorsHeader(file, &budget)
    } catch { throw .safetensors(path: file.path, error) }
    return Checkpoint(
      path: file.path, kind: .safetensors, files: [file],
      tensors: header.tensors.enumerated().map { index, tensor in
        CheckpointTensor(
          name: tensor.name, layout: tensor.layout, storage: index, foreign: tensor.foreign)
      },
      leaves: header.metadata.map { CheckpointLeaf(name: $0.key, value: .string($0.value)) },
      storages: header.tensors.map { StorageLocation(file: 0, range: $0.range) }, budget: budget)
  }

  /// Opens an index `{"metadata": …, "weight_map": {tensor: shard}}` and the shards beside it, which
  /// may be safetensors or of torch.save.
  static func openShards(
    _ index: MappedFile, _ budget: inout FileBudget
  ) throws(CheckpointError) -> Checkpoint {
    let map: ShardIndex
    do throws(SafetensorsError) {
      map = try ShardIndex(index, limit: shardLimit, &budget)
    } catch { throw .safetensors(path: index.path, error) }
    let slash = index.path.lastIndex(of: "/").map { index.path.index(after: $0) }
    let folder = String(index.path[..<(slash ?? index.path.startIndex)])
    var files = [index]
    var tensors: [CheckpointTensor] = []
    var storages: [StorageLocation] = []
    var kind = Kind.safetensors
    for name in map.shards {
      let file = try Checkpoint.map(folder + name)
      budget.add(size: file.count)
      let shard = try open(file, isShard: true, &budget)
      budget = shard.state.withLock { $0.budget }
      if shard.kind != .safetensors { kind = shard.kind }
      var missing = map.tensors[name: name] ?? []
      for tensor in shard.tensors {
        guard missing.remove(ByteKey(tensor.name)) != nil else {
          throw .safetensors(path: index.path, .notInIndex(tensor: tensor.name, shard: name))
        }
        tensors.append(
          CheckpointTensor(
            name: tensor.name, layout: tensor.layout, storage: storages.count + tensor.storage,
            foreign: tensor.foreign))
      }
      if let tensor = missing.map(\.text).min() {
        throw .safetensors(path: index.path, .missingInShard(tensor: tensor, shard: name))
      }
      storages += shard.storages.map {
        StorageLocation(file: files.count, range: $0.range, entry: $0.entry)
      }
      files.append(file)
    }
    return Checkpoint(
      path: index.path, kind: kind, files: files, tensors: tensors, leaves: [],
      storages: storages, budget: budget)
  }
}

/// The index of a sharded checkpoint.
private struct ShardIndex {
  /// The shards' file names, sorted.
  let shards: [String]
  /// The tensors of each shard.
  private(set) var tensors: [ByteKey: Set<ByteKey>] = [:]

  /// What a tensor takes beside its name.
  private static let entryBytes = 200

  init(_ file: MappedFile, limit: Int, _ budget: inout FileBudget) throws(SafetensorsError) {
    guard file.count <= SafetensorsHeader.lengthLimit else {
      throw .headerLength(UInt64(file.count), limit: SafetensorsHeader.lengthLimit)
    }
    do throws(BudgetError) {
      try budget.keep(file.count, "JSON")
    } catch { throw .budget(error) }
    let text = Checkpoint.bytes(of: file, at: 0, file.count)
    let parsed: JSONValue
    do throws(JSONError) {
      parsed = try StrictJSON.parse(text, &budget)
    } catch { throw .index("\(error)") }
    guard case .object(let members) = parsed,
      case .object(let map) = members.first(where: { $0.key == "weight_map" })?.value
    else { throw .index("it has no weight_map, so that it is no index of shards") }
    for (tensor, value) in map {
      guard case .string(let shard) = value else {
        throw .index("the shard of \(tensor) is no string")
      }
      // Nothing but a file beside the index: no folder up, no absolute path.
      let parts = shard.split(separator: "/", omittingEmptySubsequences: false)
      guard !shard.contains("\0"), parts.allSatisfy({ !["", ".", ".."].contains($0) }) else {
        throw .shardPath(shard)
      }
      do throws(BudgetError) {
        try budget.keep(Self.entryBytes + tensor.utf8.count, "index")
      } catch { throw .budget(error) }
      tensors[ByteKey(shard), default: []].insert(ByteKey(tensor))
    }
    guard tensors.count <= limit else { throw .index("it has more than \(limit) shards") }
    shards = tensors.keys.map(\.text).sorted()
  }
}
