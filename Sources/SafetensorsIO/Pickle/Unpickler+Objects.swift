internal import TensorBytes

/// Classes, functions and what they would have built.
extension Unpickler {
  mutating func pushGlobal(_ opcode: Opcode) throws(PickleError.Reason) {
    let module: String
    let name: String
    if opcode == .global {
      module = try line()
      name = try line()
    } else {
      let second = try pop()
      let first = try pop()
      guard let firstText = first.text, let secondText = second.text else {
        throw .wrongType(
          expected: "str", actual: first.text == nil ? first.typeName : second.typeName)
      }
      (module, name) = (firstText, secondText)
    }
    // Both may be long, and called up from the memo again and again.
    let count = module.utf8.count + name.utf8.count
    try work(8 * count)
    try keep(count > 128 ? count : 0, "names of classes")
    try push(.global(PickleGlobal.find(module, name)))
  }

  private mutating func line() throws(PickleError.Reason) -> String {
    let start = reader.offset
    let bytes = try read { r throws(ByteReaderError) in try r.readBytes(until: 0x0A) }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw .reading(.invalidUTF8(offset: start))
    }
    return text
  }

  /// REDUCE and NEWOBJ: what the call of a known function stands for.
  mutating func call() throws(PickleError.Reason) {
    let arguments = try pop()
    let function = try pop()
    guard case .tuple(let index) = arguments else {
      throw .wrongType(expected: "tuple", actual: arguments.typeName)
    }
    switch function {
    case .global(let global): try push(result(of: global, document.heap[index].elements))
    case .opaque: try push(function)
    default: throw .notCallable(function.typeName)
    }
  }

  private mutating func result(
    of global: PickleGlobal, _ arguments: [PickleValue]
  ) throws(PickleError.Reason) -> PickleValue {
    switch global {
    case .dict: return try .dict(allocate(pairs(global, arguments)))
    case .set: return try .set(allocate(elements(global, arguments)))
    case .size: return try .tuple(allocate(elements(global, arguments)))
    case .bytearray, .encode: return try bytes(global, arguments)
    case .opaque(let name): return foreign(name, arguments)
    case .parameter:
      if case .opaque = arguments.first { return arguments[0] }
      guard case .tensor = arguments.first else { throw .badArguments(function: global.name) }
      return arguments[0]
    case .rebuildTensor, .rebuildTensorV2, .rebuildTensorV3:
      return try rebuild(global, arguments)
    case .rebuildFromType: return try rebuildFromType(arguments)
    case .storageType, .untypedStorage, .dtype, .tensorClass: throw .notCallable(global.name)
    }
  }

  /// The pairs that Python 2's OrderedDict was given as one list.
  private mutating func pairs(
    _ global: PickleGlobal, _ arguments: [PickleValue]
  ) throws(PickleError.Reason) -> [PickleValue] {
    // A defaultdict is given the class of its values first.
    let arguments =
      global == .dict("collections.defaultdict") ? arguments.dropFirst() : arguments[...]
    guard let first = arguments.first else { return [] }
    if case .dict(let index) = first, arguments.count == 1 { return document.heap[index].elements }
    guard arguments.count == 1, let list = document.sequence(first) else {
      throw .badArguments(function: global.name)
    }
    try work(64 * list.count)
    try keep(2 * list.count * MemoryLayout<PickleValue>.stride, "pairs")
    var flat: [PickleValue] = []
    for element in list {
      guard let pair = document.sequence(element), pair.count == 2 else {
        throw .badArguments(function: global.name)
      }
      flat += pair
    }
    return flat
  }

  private func elements(
    _ global: PickleGlobal, _ arguments: [PickleValue]
  ) throws(PickleError.Reason) -> [PickleValue] {
    guard let first = arguments.first else { return [] }
    guard arguments.count == 1, let elements = document.sequence(first) else {
      throw .badArguments(function: global.name)
    }
    return elements
  }

  /// `bytearray(…)` and `_codecs.encode(text, 'latin1')`.
  private mutating func bytes(
    _ global: PickleGlobal, _ arguments: [PickleValue]
  ) throws(PickleError.Reason) -> PickleValue {
    switch arguments.first {
    case nil: return .bytes([])
    case .bytes(let bytes): return .bytes(bytes)
    case .string(let text):
      // A copy of a text that may be long: many of them must not add up unseen.
      try work(8 * text.utf8.count)
      try keep(text.utf8.count + 32, "byte strings")
      let bytes = text.unicodeScalars.compactMap { UInt8(exactly: $0.value) }
      guard bytes.count == text.unicodeScalars.count else {
        throw .badArguments(function: global.name)
      }
      return .bytes(bytes)
    default: throw .badArguments(function: global.name)
    }
  }

  /// `_rebuild_from_type_v2(function, class, arguments, state)`: a tensor with attributes.
  private mutating func rebuildFromType(
    _ arguments: [PickleValue]
  ) throws(PickleError.Reason) -> PickleValue {
    guard arguments.count == 4, case .global(let function) = arguments[0],
      case .global(let type) = arguments[1], case .tuple(let index) = arguments[2]
    else { throw .badArguments(function: PickleGlobal.rebuildFromType.name) }
    switch (function, type) {
    case (.rebuildTensor, .tensorClass), (.rebuildTensorV2, .tensorClass),
      (.rebuildTensorV3, .tensorClass), (.parameter, .parameter), (.rebuildTensorV2, .parameter):
      return try result(of: function, document.heap[index].elements)
    case (.opaque, _), (_, .opaque): return .opaque(type.name)
    default: throw .badArguments(function: PickleGlobal.rebuildFromType.name)
    }
  }

  /// BUILD gives an object attributes, such as a state dict's `_metadata`; none is of use here.
  mutating func build() throws(PickleError.Reason) {
    _ = try pop()
    switch try top() {
    case .dict, .tensor, .opaque, .list, .set: break
    case let other: throw .wrongType(expected: "OrderedDict or Tensor", actual: other.typeName)
    }
  }
}
