internal import TensorBytes

/// Storages and the tensors that view them.
extension Unpickler {
  /// BINPERSID: ("storage", class, key, location, count[, view]).
  mutating func pushStorage() throws(PickleError.Reason) {
    guard let id = document.sequence(try pop()), (5...6).contains(id.count),
      id[0].text == "storage", case .global(let type) = id[1],
      let key = id[2].text ?? id[2].int.map(String.init), let count = id[4].int
    else { throw .badPersistentID }
    let elementType: ElementType
    switch type {
    case .storageType(let type): elementType = type
    case .untypedStorage: elementType = .u8
    default: throw .badPersistentID
    }
    let index = try storage(key, elementType, count)
    var view = StorageView(
      storage: index, byteOffset: 0, byteCount: document.storages[index].byteCount,
      type: type == .untypedStorage ? nil : elementType)
    if id.count == 6 { view = try part(id[5], of: view) }
    document.views.append(view)
    try push(.storage(document.views.count - 1))
  }

  /// The index of a storage, which every reference must describe alike.
  private mutating func storage(
    _ key: String, _ type: ElementType, _ count: Int
  ) throws(PickleError.Reason) -> Int {
    guard count >= 0, let byteCount = try? Checked.multiply(count, type.byteWidth) else {
      throw .badView(key: key, "\(count) elements of \(type.rawValue) are no size")
    }
    let storage = PickledStorage(key: key, type: type, count: count, byteCount: byteCount)
    if let known = storageIndices[name: key] {
      guard document.storages[known] == storage else { throw .storageConflict(key: key) }
      return known
    }
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
    guard counts.contains(arguments.count), case .storage(let index) = arguments[0],
      let offset = arguments[1].int, let shape = document.integers(arguments[2]),
      let strides = document.integers(arguments[3])
    else { throw .badArguments(function: function.name) }
    let view = document.views[index]
    var type = view.type ?? .u8
    if function == .rebuildTensorV3 {
      guard case .global(.dtype(let named)) = arguments[6] else {
        throw .badArguments(function: function.name)
      }
      type = named
    }
    if arguments.count == counts.upperBound, counts.upperBound > 4 {
      try refuseLazyBits(arguments[counts.upperBound - 1], function)
    }
    let key = document.storages[view.storage].key
    do throws(LayoutError) {
      let layout = try TensorLayout.view(
        of: view, type, elementOffset: offset, shape: shape, strides: strides)
      document.tensors.append(PickledTensor(storage: view.storage, layout: layout))
    } catch {
      switch error {
      case .malformed(let message): throw .badView(key: key, message)
      case .outside(let needed, let available):
        throw .viewOutsideStorage(key: key, needed: needed, available: available)
      }
    }
    return .tensor(document.tensors.count - 1)
  }

  /// The metadata may say that the stored numbers are yet to be negated or conjugated.
  private func refuseLazyBits(
    _ metadata: PickleValue, _ function: PickleGlobal
  ) throws(PickleError.Reason) {
    switch metadata {
    case .none: return
    case .dict(let index):
      for entry in document.heap[index] {
        if case .bool(true) = entry { throw .globalNotSupported("a lazily negated tensor") }
      }
    default: throw .badArguments(function: function.name)
    }
  }
}
