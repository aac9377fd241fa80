internal import TensorBytes

/// A value on the symbolic interpreter's stack.
///
/// Containers are indices into ``PickleHeap``, so that values nest and refer to themselves without
/// recursion: releasing a chain of a million lists must not overflow the stack.
enum PickleValue {
  case none
  case bool(Bool)
  case int(Int)
  /// An integer of more than 64 bits: its little-endian two's complement.
  case bigInt([UInt8])
  case float(Double)
  case string(String)
  case bytes([UInt8])
  case tuple(Int)
  case list(Int)
  /// Keys and values take turns.
  case dict(Int)
  case set(Int)
  case global(PickleGlobal)
  /// Index into ``PickleDocument/views``.
  case storage(Int)
  /// Index into ``PickleDocument/tensors``.
  case tensor(Int)
  /// Something that holds no weights, such as a device; its description.
  case opaque(String)

  /// What Python calls its type.
  var typeName: String {
    switch self {
    case .none: "None"
    case .bool: "bool"
    case .int, .bigInt: "int"
    case .float: "float"
    case .string: "str"
    case .bytes: "bytes"
    case .tuple: "tuple"
    case .list: "list"
    case .dict: "dict"
    case .set: "set"
    case .global(let global): global.name
    case .storage: "storage"
    case .tensor: "tensor"
    case .opaque(let description): description
    }
  }

  var int: Int? {
    if case .int(let value) = self { value } else { nil }
  }

  var text: String? {
    switch self {
    case .string(let text): text
    // Python 2 wrote its strings as bytes.
    case .bytes(let bytes): String(validating: bytes, as: UTF8.self)
    default: nil
    }
  }
}

/// A storage as a pickle refers to it.
struct PickledStorage: Equatable {
  let key: String
  let type: ElementType
  let count: Int
  /// count · width, checked.
  let byteCount: Int
}

/// Part of a storage. (Only very old files view a part; otherwise it is the whole.)
struct StorageView: Equatable {
  let storage: Int
  let byteOffset: Int
  let byteCount: Int
  /// Nil for an untyped storage, whose tensors bring their own type.
  let type: ElementType?
}

/// A tensor as a pickle rebuilds it; it lies within its storage.
struct PickledTensor: Equatable {
  let storage: Int
  let layout: TensorLayout
}

/// What a pickle said.
struct PickleDocument {
  var root = PickleValue.none
  /// The elements of every container.
  var heap: [[PickleValue]] = []
  var storages: [PickledStorage] = []
  var views: [StorageView] = []
  var tensors: [PickledTensor] = []

  /// The elements of a tuple or list.
  func sequence(_ value: PickleValue) -> [PickleValue]? {
    switch value {
    case .tuple(let index), .list(let index): heap[index]
    default: nil
    }
  }

  /// The elements of a tuple or list that holds only integers.
  func integers(_ value: PickleValue) -> [Int]? {
    guard let elements = sequence(value) else { return nil }
    let integers = elements.compactMap(\.int)
    return integers.count == elements.count ? integers : nil
  }
}
