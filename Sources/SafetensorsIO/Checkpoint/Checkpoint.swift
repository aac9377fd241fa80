internal import Synchronization
package import TensorBytes

/// A tensor of a checkpoint: its name, type, shape and place; its bytes stay in the file.
package struct CheckpointTensor: Equatable, Sendable {
  /// The raw path: keys and indices of the nested containers, joined by dots.
  package let name: String
  /// Type, shape, strides and offset within the storage.
  package let layout: TensorLayout
  /// Index of the storage; tensors that share memory share it.
  let storage: Int
  /// The type, if it is none that is read: the layout is then that of integers.
  var foreign: ForeignType?

  /// Type of the elements, or of the integers that are moved in their place.
  package var type: ElementType { layout.type }
  /// Type of the elements in the spelling of safetensors, also of those that are only hashed.
  package var typeName: String { foreign?.name ?? type.rawValue }
  /// Whether the elements can be read, and not only be hashed.
  package var isRead: Bool { foreign == nil }
  /// Dimensions; empty for a scalar.
  package var shape: [Int] { foreign?.shape ?? layout.shape }
  /// Number of elements.
  package var elementCount: Int { layout.elementCount }
  /// Bytes of the elements in row-major order.
  package var byteCount: Int { layout.byteCount }
}

/// A type whose elements are listed and hashed, but not read: float8, complex and others.
struct ForeignType: Equatable, Sendable {
  /// The type in the spelling of safetensors.
  let name: String
  /// The dimensions in elements of the type.
  let shape: [Int]
}

/// A value of a checkpoint that is no tensor, by its raw path.
package struct CheckpointLeaf: Equatable, Sendable {
  /// The raw path: keys and indices of the nested containers, joined by dots.
  package let name: String
  /// The value.
  package let value: CheckpointValue

  /// Makes a leaf.
  package init(name: String, value: CheckpointValue) {
    self.name = name
    self.value = value
  }
}

/// A checkpoint: PyTorch's zip or legacy container, or safetensors, one file or sharded.
///
/// Opening maps the file and reads only its directory: nothing is copied, nothing of a pickle is
/// executed. Everything is validated at opening, except the bytes of the tensors themselves.
package final class Checkpoint: Sendable {
  /// The kind of container, told by content; its raw value is the kind's public name.
  package enum Kind: String, Equatable, Sendable {
    /// Written by `torch.save` since 1.6.
    case pytorchZip = "pytorch-zip"
    /// Written by `torch.save` before 1.6, or without zip.
    case pytorchLegacy = "pytorch-legacy"
    /// One safetensors file, or several with an index.
    case safetensors
  }

  /// The path as it was given.
  package let path: String
  /// The kind of container.
  package let kind: Kind
  /// The files: one, or the index and its shards.
  package let files: [MappedFile]
  /// The tensors: in the order of the containers for PyTorch's kinds, of their bytes for safetensors.
  package let tensors: [CheckpointTensor]
  /// Everything else, and for safetensors the strings of `__metadata__`.
  package let leaves: [CheckpointLeaf]
  let storages: [StorageLocation]
  let state: Mutex<StorageState>
  private let indices: [ByteKey: Int]

  init(
    path: String, kind: Kind, files: [MappedFile], tensors: [CheckpointTensor],
    leaves: [CheckpointLeaf], storages: [StorageLocation], budget: FileBudget
  ) {
    state = Mutex(StorageState(budget: budget))
    self.path = path
    self.kind = kind
    self.files = files
    self.tensors = tensors
    self.leaves = leaves
    self.storages = storages
    var indices: [ByteKey: Int] = [:]
    indices.reserveCapacity(tensors.count)
    for (index, tensor) in tensors.enumerated() { indices[name: tensor.name] = index }
    self.indices = indices
  }

  /// The tensor of a raw path.
  package func tensor(named name: String) -> CheckpointTensor? {
    indices[name: name].map { tensors[$0] }
  }
}

/// Where the bytes of a storage are.
struct StorageLocation: Equatable {
  /// Index into ``Checkpoint/files``.
  let file: Int
  /// The bytes in the file, as they are stored.
  let range: Range<Int>
  /// The zip entry around them, which may be deflated or carry a checksum.
  var entry: ZipEntry?
}

/// What a checkpoint remembers between reads.
struct StorageState {
  /// What the files may still cost.
  var budget: FileBudget
  /// Storages whose checksum was found right.
  var verified: Set<Int> = []
  /// The content of the deflated storage that was read last.
  var inflated: (storage: Int, content: HeapBytes)?
  /// Where the deflated storage that is read by pieces stands.
  var stream: (storage: Int, inflater: InflateStream)?
}
