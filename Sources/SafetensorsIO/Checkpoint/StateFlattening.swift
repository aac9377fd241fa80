internal import TensorBytes

/// Turns nested containers into names: keys and indices joined by dots.
///
/// What holds no tensor is kept as few leaves: a long history is one, however it nests.
struct StateFlattening {
  static let depthLimit = 64
  /// A container without tensors that has more entries than this is one leaf.
  static let listingLimit = 1000
  /// What an entry costs in steps of the budget.
  private static let entrySteps = 256
  /// Bytes of a tensor or leaf beside its name: here, in the checkpoint and in its listing.
  private static let entryBytes = 700
  /// How often a name is kept.
  private static let nameCopies = 3

  private(set) var tensors: [(name: String, index: Int)] = []
  private(set) var leaves: [CheckpointLeaf] = []
  private let document: PickleDocument
  private let holders: TensorHolders
  private var names: Set<ByteKey> = []
  /// How many entries after the first have a name.
  private var namesakes: [ByteKey: Int] = [:]
  private var budget: FileBudget

  init(_ document: PickleDocument, _ budget: inout FileBudget) throws(FlatteningError) {
    self.document = document
    self.budget = budget
    holders = TensorHolders(document)
    try visit(document.root, "", depth: 0)
    budget = self.budget
  }

  private mutating func visit(
    _ value: PickleValue, _ path: String, depth: Int
  ) throws(FlatteningError) {
    try charge(steps: Self.entrySteps)
    switch value {
    case .tensor(let index): tensors.append((try claim(path), index))
    case .dict(let index), .tuple(let index), .list(let index):
      try charge(steps: 4 * document.heap[index].elements.count)
      if let leaf = leaf(value, index, depth) { return try add(path, leaf) }
      guard depth < Self.depthLimit else {
        throw .tooDeep(path: String(path.prefix(200)), limit: Self.depthLimit)
      }
      let container = document.heap[index]
      if case .dict = value {
        try visit(pairs: container.elements, path, depth)
      } else {
        for (position, element) in container.elements.enumerated() {
          // Numbers that were not kept stand before the first that is none.
          let number =
            position < PickleContainer.plainLimit ? position : position + container.omitted
          try visit(element, try join(path, String(number)), depth: depth + 1)
        }
      }
    default: try add(path, Self.leaf(value))
    }
  }

  private mutating func visit(
    pairs: [PickleValue], _ path: String, _ depth: Int
  ) throws(FlatteningError) {
    var keys: Set<ByteKey> = []
    for position in stride(from: 0, to: pairs.count, by: 2) {
      let key = PickleKey(pairs[position], document)
      // Python's dicts have a key once; 0 and "0" are two.
      if key.isText, !keys.insert(ByteKey(key.text)).inserted {
        throw .duplicateName(String(try join(path, key.text).prefix(200)))
      }
      try visit(pairs[position + 1], try join(path, key.text), depth: depth + 1)
    }
  }

  /// The one leaf of a container that holds no tensor, unless its entries are to be listed.
  private func leaf(_ value: PickleValue, _ index: Int, _ depth: Int) -> CheckpointValue? {
    if holders.holdsTensor[index] { return nil }
    let container = document.heap[index]
    var isDict = false
    if case .dict = value { isDict = true }
    let integers = container.elements.compactMap(\.int)
    if !isDict, container.omitted == 0, integers.count == container.count {
      return .integers(integers)
    }
    let values = container.elements.prefix(PickleContainer.plainLimit).map(Self.leaf)
    let isFlat = container.elements.allSatisfy { !$0.isContainer }
    if !isDict && isFlat { return .list(values, count: container.count) }
    guard container.count > Self.listingLimit || depth >= Self.depthLimit else { return nil }
    return .other("\(value.typeName) of \(isDict ? container.count / 2 : container.count) entries")
  }

  private mutating func add(_ path: String, _ value: CheckpointValue) throws(FlatteningError) {
    try keep(value.byteCount)
    leaves.append(CheckpointLeaf(name: try claim(path), value: value))
  }

  /// Takes a name. Where another entry has it, because a key holds a dot or is no text, "~2" is added.
  private mutating func claim(_ path: String) throws(FlatteningError) -> String {
    try keep(Self.entryBytes + Self.nameCopies * path.utf8.count)
    if names.insert(ByteKey(path)).inserted { return path }
    var name = path
    repeat {
      try charge(steps: Self.entrySteps + path.utf8.count)
      let number = namesakes[ByteKey(path), default: 1] + 1
      namesakes[ByteKey(path)] = number
      name = path + "~\(number)"
    } while !names.insert(ByteKey(name)).inserted
    return name
  }

  /// Extends a path, which takes time also where the container is empty.
  private mutating func join(_ path: String, _ key: String) throws(FlatteningError) -> String {
    try charge(steps: 2 * (path.utf8.count + key.utf8.count))
    return path.isEmpty ? key : path + "." + key
  }

  private mutating func keep(_ bytes: Int) throws(FlatteningError) {
    do throws(BudgetError) {
      try budget.keep(bytes, "entries and their names")
    } catch { throw .budget(error) }
  }

  private mutating func charge(steps: Int) throws(FlatteningError) {
    do throws(BudgetError) {
      try budget.work(steps, "naming its entries")
    } catch { throw .budget(error) }
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
}

/// Which containers hold a tensor, however deep.
private struct TensorHolders {
  private(set) var holdsTensor: [Bool]

  /// Goes from the tensors upwards, so that containers which contain themselves do no harm.
  init(_ document: PickleDocument) {
    holdsTensor = [Bool](repeating: false, count: document.heap.count)
    // Parents by child, as lists threaded through one array.
    var firstParent = [Int32](repeating: -1, count: document.heap.count)
    var links: [(parent: Int32, next: Int32)] = []
    var found: [Int] = []
    for (index, container) in document.heap.enumerated() where !container.isPlain {
      for element in container.elements {
        switch element {
        case .tensor:
          if !holdsTensor[index] { found.append(index) }
          holdsTensor[index] = true
        case .list(let child), .tuple(let child), .dict(let child):
          links.append((Int32(truncatingIfNeeded: index), firstParent[child]))
          firstParent[child] = Int32(truncatingIfNeeded: links.count - 1)
        default: break
        }
      }
    }
    while let child = found.popLast() {
      var link = firstParent[child]
      while link >= 0 {
        let parent = Int(links[Int(link)].parent)
        if !holdsTensor[parent] {
          holdsTensor[parent] = true
          found.append(parent)
        }
        link = links[Int(link)].next
      }
    }
  }
}

/// A key of a dict.
private struct PickleKey {
  /// As Python's `str` writes it; tuples and bytes as `repr` does.
  let text: String
  /// Whether it is a text, which no other key of its dict may be.
  let isText: Bool

  init(_ key: PickleValue, _ document: PickleDocument) {
    text = Self.text(key, document, depth: 0)
    isText = key.text != nil
  }

  private static func text(_ key: PickleValue, _ document: PickleDocument, depth: Int) -> String {
    if let text = key.text { return depth == 0 ? text : "'\(text.prefix(64))'" }
    switch key {
    case .none: return "None"
    case .bool(let value): return value ? "True" : "False"
    case .int(let value): return String(value)
    case .float(let value): return String(value)
    case .bytes(let bytes): return "b" + Self.hexadecimal(bytes.prefix(64))
    case .bigInt(let bytes): return "int " + Self.hexadecimal(bytes.prefix(64))
    case .tuple(let index) where depth < 2:
      let elements = document.heap[index].elements
      let parts = elements.prefix(16).map { Self.text($0, document, depth: depth + 1) }
      let rest = elements.count > 16 ? ", …" : elements.count == 1 ? "," : ""
      return "(" + parts.joined(separator: ", ") + rest + ")"
    default: return key.typeName
    }
  }

  private static func hexadecimal(_ bytes: ArraySlice<UInt8>) -> String {
    "'" + bytes.map { "\\x" + ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() + "'"
  }
}

extension PickleValue {
  fileprivate var isContainer: Bool {
    switch self {
    case .list, .tuple, .dict: true
    default: false
    }
  }
}
