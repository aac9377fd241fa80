internal import TensorBytes

/// A value on the symbolic interpreter's stack.
///
/// Containers are indices into ``PickleDocument/heap``, so that values nest and refer to themselves
/// without recursion: releasing a chain of a million lists must not overflow the stack.
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
  /// Something that holds no weights, such as a device, or that only Python can build; its class.
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

  /// Whether it is a number, a truth or None: what histories and lists of ids consist of.
  var isPlain: Bool {
    switch self {
    case .none, .bool, .int, .float: true
    default: false
    }
  }
}

/// The elements of a list, tuple, dict or set.
///
/// Of one that holds nothing but numbers only the first are kept: a history of millions is never a
/// tensor's shape, and one line of a listing shows it.
struct PickleContainer {
  /// How many numbers are kept; even, so that a dict's keys keep their values.
  static let plainLimit = 4096

  private(set) var elements: [PickleValue] = []
  /// Numbers behind the first that were not kept.
  private(set) var omitted = 0
  /// Whether all elements so far are numbers.
  private(set) var isPlain = true

  /// Elements in all.
  var count: Int { elements.count + omitted }

  init() {}

  init(_ elements: [PickleValue]) { append(elements[...]) }

  /// How many of these elements would be kept.
  func growth(_ new: ArraySlice<PickleValue>) -> Int {
    let room = Self.plainLimit - elements.count
    return new.count > room && isPlain && new.allSatisfy(\.isPlain) ? max(0, room) : new.count
  }

  mutating func append(_ new: ArraySlice<PickleValue>) {
    if isPlain { isPlain = new.allSatisfy(\.isPlain) }
    let room = max(0, Self.plainLimit - elements.count)
    if isPlain && new.count > room {
      elements += new.prefix(room)
      omitted += new.count - room
    } else {
      elements += new
    }
  }
}

/// The type of a storage's elements: one that is read, or one that is only named and hashed.
struct StoredType: Equatable {
  /// By which the bytes are moved; for a type that is not read an integer of its width.
  let carrier: ElementType
  /// Carriers an element: 2 for complex128.
  var lanes = 1
  /// The spelling of a type that is not read.
  var foreignName: String?

  init(_ type: ElementType) { carrier = type }

  init(foreign name: String, width: Int) {
    carrier = width >= 8 ? .u64 : width == 4 ? .u32 : width == 2 ? .u16 : .u8
    lanes = width == 16 ? 2 : 1
    foreignName = name
  }

  var byteWidth: Int { carrier.byteWidth * lanes }
  /// As safetensors spells it.
  var name: String { foreignName ?? carrier.rawValue }
}

/// A storage as a pickle refers to it.
struct PickledStorage: Equatable {
  let key: String
  let type: StoredType
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
  let type: StoredType?
}

/// A tensor as a pickle rebuilds it; it lies within its storage.
struct PickledTensor: Equatable {
  let storage: Int
  let layout: TensorLayout
  let foreign: ForeignType?
}

/// What a pickle said.
struct PickleDocument {
  var root = PickleValue.none
  /// Every container.
  var heap: [PickleContainer] = []
  var storages: [PickledStorage] = []
  var views: [StorageView] = []
  var tensors: [PickledTensor] = []

  /// The elements of a tuple or list.
  func sequence(_ value: PickleValue) -> [PickleValue]? {
    switch value {
    case .tuple(let index), .list(let index): heap[index].elements
    default: nil
    }
  }

  /// The elements of a tuple or list that holds only integers, as many as a tensor has dimensions.
  func integers(_ value: PickleValue) -> [Int]? {
    guard let elements = sequence(value), elements.count <= 64 else { return nil }
    let integers = elements.compactMap(\.int)
    return integers.count == elements.count ? integers : nil
  }
}
