internal import TensorBytes

/// Storages and the tensors that view them.
extension Unpickler {
  /// BINPERSID: ("storage", class, key, location, count[, view]), or ("module", class, …) of a whole
  /// module in the legacy container.
  mutating func pushStorage() throws(PickleError.Reason) {
    guard let id = document.sequence(try pop()), id.count >= 2 else { throw .badPersistentID }
    if id[0].text == "module" { return try push(.opaque(id[1].typeName)) }
    guard (5...6).contains(id.count), id[0].text == "storage", case .global(let type) = id[1],
      let key = id[2].text ?? id[2].int.map(String.init), let count = id[4].int
    else { throw .badPersistentID }
    let elementType: StoredType
    switch type {
    case .storageType(let type): elementType = type
    case .untypedStorage: elementType = StoredType(.u8)
    default: throw .badPersistentID
    }
    let index = try storage(key, elementType, count)
    var view = StorageView(
      storage: index, byteOffset: 0, byteCount: document.storages[index].byteCount,
      type: type == .untypedStorage ? nil : elementType)
    if id.count == 6 { view = try part(id[5], of: view) }
    try keep(2 * MemoryLayout<StorageView>.stride, "views")
    document.views.append(view)
    try push(.storage(document.views.count - 1))
  }

  /// The index of a storage, which every reference must describe alike.
  private mutating func storage(
    _ key: String, _ type: StoredType, _ count: Int
  ) throws(PickleError.Reason) -> Int {
    // The key may be long, and called up from the memo again and again.
    try work(8 * key.utf8.count)
    guard count >= 0, let byteCount = try? Checked.multiply(count, type.byteWidth) else {
      throw .badView(key: key, "\(count) elements of \(type.name) are no size")
    }
    let storage = PickledStorage(key: key, type: type, count: count, byteCount: byteCount)
    if let known = storageIndices[name: key] {
      guard document.storages[known] == storage else { throw .storageConflict(key: key) }
      return known
    }
    try keep(key.utf8.count + 4 * MemoryLayout<PickledStorage>.stride, "storages")
    document.storages.append(storage)
    storageIndices[name: key] = document.storages.count - 1
    return document.storages.count - 1
  }

  /// The part (key, offset, count) of a storage, by which files before 0.4 shared memory.
  private func part(
    _ metadata: PickleValue, of whole: StorageView
  ) throws(PickleError.Reason) -> StorageView {
    if case .none = metadata { return whole }
    let key = document.storages[whole.storage].key
    let width = document.storages[whole.storage].type.byteWidth
    guard let part = document.sequence(metadata), part.count == 3,
      let offset = part[1].int, let count = part[2].int, offset >= 0, count >= 0,
      let start = try? Checked.multiply(offset, width),
      let bytes = try? Checked.multiply(count, width), let end = try? Checked.add(start, bytes)
    else { throw .badPersistentID }
    guard end <= whole.byteCount else {
      throw .viewOutsideStorage(key: key, needed: end, available: whole.byteCount)
    }
    return StorageView(
      storage: whole.storage, byteOffset: start, byteCount: bytes, type: whole.type)
  }

  /// `_rebuild_tensor(storage, offset, size, stride)`; v2 adds (requires_grad, hooks[, metadata]),
  /// v3 (requires_grad, hooks, dtype[, metadata]).
  mutating func rebuild(
    _ function: PickleGlobal, _ arguments: [PickleValue]
  ) throws(PickleError.Reason) -> PickleValue {
    let counts = function == .rebuildTensor ? 4...4 : function == .rebuildTensorV2 ? 6...7 : 7...8
    // A storage that only Python can build.
    if case .opaque = arguments.first { return .opaque("tensor of \(arguments[0].typeName)") }
    guard counts.contains(arguments.count), case .storage(let index) = arguments[0],
      let offset = arguments[1].int, let shape = document.integers(arguments[2]),
      let strides = document.integers(arguments[3])
    else { throw .badArguments(function: function.name) }
    let view = document.views[index]
    var type = view.type ?? StoredType(.u8)
    if function == .rebuildTensorV3 {
      guard case .global(.dtype(let named)) = arguments[6] else {
        throw .badArguments(function: function.name)
      }
      type = named
    }
    if arguments.count == counts.upperBound, counts.upperBound > 4,
      try isLazy(arguments[counts.upperBound - 1], function)
    {
      return .opaque("tensor that is yet to be negated or conjugated")
    }
    let key = document.storages[view.storage].key
    try keep(2 * MemoryLayout<PickledTensor>.stride + 32 * (shape.count + 4), "tensors")
    do throws(LayoutError) {
      document.tensors.append(try PickledTensor(view, type, offset, shape, strides))
    } catch {
      switch error {
      case .malformed(let message): throw .badView(key: key, message)
      case .outside(let needed, let available):
        throw .viewOutsideStorage(key: key, needed: needed, available: available)
      }
    }
    return .tensor(document.tensors.count - 1)
  }

  /// Whether the metadata says that the stored numbers are yet to be negated or conjugated.
  private func isLazy(
    _ metadata: PickleValue, _ function: PickleGlobal
  ) throws(PickleError.Reason) -> Bool {
    switch metadata {
    case .none: return false
    case .dict(let index):
      // "conj" and "neg" are all that there is.
      return document.heap[index].elements.prefix(64).contains {
        if case .bool(true) = $0 { true } else { false }
      }
    default: throw .badArguments(function: function.name)
    }
  }
}

extension PickledTensor {
  /// A view of a storage; complex128 is moved as pairs, as one dimension more.
  fileprivate init(
    _ view: StorageView, _ type: StoredType, _ offset: Int, _ shape: [Int], _ strides: [Int]
  ) throws(LayoutError) {
    storage = view.storage
    foreign = type.foreignName.map { ForeignType(name: $0, shape: shape) }
    guard type.lanes > 1 else {
      layout = try TensorLayout.view(
        of: view, type.carrier, elementOffset: offset, shape: shape, strides: strides)
      return
    }
    let start: Int
    var wide: [Int] = []
    do throws(ArithmeticError) {
      start = try Checked.multiply(offset, type.lanes)
      for stride in strides { wide.append(try Checked.multiply(stride, type.lanes)) }
    } catch { throw .malformed("\(error)") }
    layout = try TensorLayout.view(
      of: view, type.carrier, elementOffset: start, shape: shape + [type.lanes],
      strides: wide + [1])
  }
}
