internal import TensorBytes

/// A value of a checkpoint that is no tensor.
package enum CheckpointValue: Equatable, Sendable {
  /// Python's None.
  case none
  /// True or False.
  case bool(Bool)
  /// An integer of at most 64 bits.
  case int(Int)
  /// A float.
  case float(Double)
  /// A string.
  case string(String)
  /// A list or tuple of integers, such as patch_nums; empty ones too.
  case integers([Int])
  /// Anything else that holds no weights: what Python calls its type.
  case other(String)
}

/// Turns nested containers into names: keys and indices joined by dots.
struct StateFlattening {
  static let depthLimit = 64
  static let leafLimit = 2_000_000
  /// Bytes of all names together.
  static let nameLimit = 256 << 20

  private(set) var tensors: [(name: String, index: Int)] = []
  private(set) var values: [(name: String, value: CheckpointValue)] = []
  private let document: PickleDocument
  private var names: Set<ByteKey> = []
  private var nameBytes = 0
  private var visited = 0

  init(_ document: PickleDocument) throws(FlatteningError) {
    self.document = document
    try visit(document.root, "", depth: 0)
  }

  private mutating func visit(
    _ value: PickleValue, _ path: String, depth: Int
  ) throws(FlatteningError) {
    guard depth <= Self.depthLimit else {
      throw .tooDeep(path: String(path.prefix(200)), limit: Self.depthLimit)
    }
    visited += 1
    guard visited <= Self.leafLimit else {
      throw .tooLarge(what: "entries", limit: Self.leafLimit)
    }
    switch value {
    case .tensor(let index):
      try claim(path)
      tensors.append((path, index))
    case .dict(let index):
      let elements = document.heap[index]
      for position in stride(from: 0, to: elements.count, by: 2) {
        let child = try join(path, Self.text(ofKey: elements[position]))
        try visit(elements[position + 1], child, depth: depth + 1)
      }
    case .tuple(let index), .list(let index):
      if let integers = document.integers(value) {
        // A list that is referred to again and again is copied each time.
        visited += integers.count
        guard visited <= Self.leafLimit else {
          throw .tooLarge(what: "entries", limit: Self.leafLimit)
        }
        try add(path, .integers(integers))
      } else {
        for (position, element) in document.heap[index].enumerated() {
          try visit(element, try join(path, String(position)), depth: depth + 1)
        }
      }
    default: try add(path, Self.leaf(value))
    }
  }

  private mutating func add(_ path: String, _ value: CheckpointValue) throws(FlatteningError) {
    try claim(path)
    values.append((path, value))
  }

  private mutating func claim(_ path: String) throws(FlatteningError) {
    guard names.insert(ByteKey(path)).inserted else {
      throw .duplicateName(String(path.prefix(200)))
    }
  }

  /// Extends a path; containers count as well, since they may be empty and their keys shared.
  private mutating func join(_ path: String, _ key: String) throws(FlatteningError) -> String {
    nameBytes += path.utf8.count + key.utf8.count + 1
    guard nameBytes <= Self.nameLimit else {
      throw .tooLarge(what: "bytes of names", limit: Self.nameLimit)
    }
    return path.isEmpty ? key : path + "." + key
  }

  private static func leaf(_ value: PickleValue) -> CheckpointValue {
    switch value {
    case .none: .none
    case .bool(let value): .bool(value)
    case .int(let value): .int(value)
    case .float(let value): .float(value)
    case .string(let value): .string(value)
    default: .other(value.typeName)
    }
  }

  /// A key as Python's `str` writes it.
  private static func text(ofKey key: PickleValue) -> String {
    if let text = key.text { return text }
    return switch key {
    case .none: "None"
    case .bool(let value): value ? "True" : "False"
    case .int(let value): String(value)
    case .float(let value): String(value)
    default: key.typeName
    }
  }
}
