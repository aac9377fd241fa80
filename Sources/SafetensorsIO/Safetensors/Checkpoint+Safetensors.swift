internal import TensorBytes

extension Checkpoint {
  /// A shard's number is of no use beyond this.
  private static let shardLimit = 4096

  static func openSafetensors(_ file: MappedFile) throws(CheckpointError) -> Checkpoint {
    let header = try header(of: file)
    return Checkpoint(
      path: file.path, kind: .safetensors, files: [file],
      tensors: header.tensors.enumerated().map { index, tensor in
        CheckpointTensor(name: tensor.name, layout: tensor.layout, storage: index)
      },
      leaves: header.metadata.map { CheckpointLeaf(name: $0.key, value: .string($0.value)) },
      storages: header.tensors.map { StorageLocation(file: 0, range: $0.range) })
  }

  private static func header(of file: MappedFile) throws(CheckpointError) -> SafetensorsHeader {
    do throws(SafetensorsError) {
      return try SafetensorsHeader(file)
    } catch { throw .safetensors(path: file.path, error) }
  }

  /// Opens an index `{"metadata": …, "weight_map": {tensor: shard}}` and the shards beside it.
  static func openShards(_ index: MappedFile) throws(CheckpointError) -> Checkpoint {
    let map: ShardIndex
    do throws(SafetensorsError) {
      map = try ShardIndex(index, limit: shardLimit)
    } catch { throw .safetensors(path: index.path, error) }
    let slash = index.path.lastIndex(of: "/").map { index.path.index(after: $0) }
    let folder = String(index.path[..<(slash ?? index.path.startIndex)])
    var files = [index]
    var tensors: [CheckpointTensor] = []
    var storages: [StorageLocation] = []
    for shard in map.shards {
      let file = try Checkpoint.map(folder + shard)
      let header = try header(of: file)
      files.append(file)
      var missing = map.tensors[name: shard] ?? []
      for tensor in header.tensors {
        guard missing.remove(ByteKey(tensor.name)) != nil else {
          throw .safetensors(path: index.path, .notInIndex(tensor: tensor.name, shard: shard))
        }
        tensors.append(
          CheckpointTensor(name: tensor.name, layout: tensor.layout, storage: storages.count))
        storages.append(StorageLocation(file: files.count - 1, range: tensor.range))
      }
      if let name = missing.map(\.text).min() {
        throw .safetensors(path: index.path, .missingInShard(tensor: name, shard: shard))
      }
    }
    return Checkpoint(
      path: index.path, kind: .safetensors, files: files, tensors: tensors, leaves: [],
      storages: storages)
  }
}

/// The index of a sharded safetensors checkpoint.
private struct ShardIndex {
  /// The shards' file names, sorted.
  let shards: [String]
  /// The tensors of each shard.
  private(set) var tensors: [ByteKey: Set<ByteKey>] = [:]

  init(_ file: MappedFile, limit: Int) throws(SafetensorsError) {
    guard file.count <= SafetensorsHeader.lengthLimit else {
      throw .headerLength(UInt64(file.count), limit: SafetensorsHeader.lengthLimit)
    }
    let text = Checkpoint.bytes(of: file, at: 0, file.count)
    guard case .object(let members) = try SafetensorsHeader.parse(text),
      case .object(let map) = members.first(where: { $0.key == "weight_map" })?.value
    else { throw .malformed("JSON without a weight_map is no index of safetensors files") }
    for (tensor, value) in map {
      guard case .string(let shard) = value else {
        throw .malformed("the shard of \(tensor) is no string")
      }
      // Nothing but a file beside the index: no folder up, no absolute path.
      let parts = shard.split(separator: "/", omittingEmptySubsequences: false)
      guard !shard.contains("\0"), parts.allSatisfy({ !["", ".", ".."].contains($0) }) else {
        throw .shardPath(shard)
      }
      tensors[ByteKey(shard), default: []].insert(ByteKey(tensor))
    }
    guard tensors.count <= limit else { throw .malformed("more than \(limit) shards") }
    shards = tensors.keys.map(\.text).sorted()
  }
}
