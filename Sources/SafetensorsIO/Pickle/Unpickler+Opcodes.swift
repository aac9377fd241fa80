internal import TensorBytes

/// The opcodes that are interpreted; all others are refused.
enum Opcode: UInt8 {
  case proto = 0x80
  case frame = 0x95
  case stop = 0x2E  // .
  case mark = 0x28  // (
  case none = 0x4E  // N
  case newTrue = 0x88
  case newFalse = 0x89
  case binInt = 0x4A  // J
  case binInt1 = 0x4B  // K
  case binInt2 = 0x4D  // M
  case long1 = 0x8A
  case long4 = 0x8B
  case binFloat = 0x47  // G
  case shortBinString = 0x55  // U
  case binString = 0x54  // T
  case shortBinBytes = 0x43  // C
  case binBytes = 0x42  // B
  case binBytes8 = 0x8E
  case byteArray8 = 0x96
  case shortBinUnicode = 0x8C
  case binUnicode = 0x58  // X
  case binUnicode8 = 0x8D
  case emptyTuple = 0x29  // )
  case tuple = 0x74  // t
  case tuple1 = 0x85
  case tuple2 = 0x86
  case tuple3 = 0x87
  case emptyList = 0x5D  // ]
  case append = 0x61  // a
  case appends = 0x65  // e
  case emptyDict = 0x7D  // }
  case setItem = 0x73  // s
  case setItems = 0x75  // u
  case emptySet = 0x8F
  case addItems = 0x90
  case frozenSet = 0x91
  case binPut = 0x71  // q
  case longBinPut = 0x72  // r
  case memoize = 0x94
  case binGet = 0x68  // h
  case longBinGet = 0x6A  // j
  case global = 0x63  // c
  case stackGlobal = 0x93
  case reduce = 0x52  // R
  case newObject = 0x81
  case newObjectWithKeywords = 0x92
  case build = 0x62  // b
  case binPersistentID = 0x51  // Q
  // Python writes these two for tuples that contain themselves.
  case pop = 0x30  // 0
  case popMark = 0x31  // 1
}

extension Unpickler {
  mutating func execute(_ opcode: Opcode) throws(PickleError.Reason) {
    switch opcode {
    case .proto: throw .opcodeNotAllowed(opcode.rawValue)
    // A frame's length only helps to read ahead.
    case .frame: _ = try read { r throws(ByteReaderError) in try r.read(UInt64.self) }
    case .stop: break
    case .none, .newTrue, .newFalse, .binInt, .binInt1, .binInt2, .long1, .long4, .binFloat:
      try push(number(opcode))
    case .shortBinString, .binString, .shortBinBytes, .binBytes, .binBytes8, .byteArray8:
      try push(.bytes(bytes(opcode)))
    case .pop: try discard()
    case .popMark: _ = try popMark()
    case .shortBinUnicode, .binUnicode, .binUnicode8: try push(.string(text(opcode)))
    case .mark: try openMark()
    case .emptyTuple, .tuple, .tuple1, .tuple2, .tuple3: try makeTuple(opcode)
    case .emptyList: try push(.list(allocate()))
    case .emptyDict: try push(.dict(allocate()))
    case .emptySet: try push(.set(allocate()))
    case .append, .appends, .setItem, .setItems, .addItems: try extend(opcode)
    case .frozenSet: try push(.set(allocate(popMark())))
    case .memoize: try memoize()
    case .binPut, .longBinPut: try memoize(at: memoIndex(opcode))
    case .binGet, .longBinGet: try recall(memoIndex(opcode))
    case .global, .stackGlobal: try pushGlobal(opcode)
    case .newObjectWithKeywords:
      _ = try pop()
      try call()
    case .reduce, .newObject: try call()
    case .build: try build()
    case .binPersistentID: try pushStorage()
    }
  }

  private mutating func number(_ opcode: Opcode) throws(PickleError.Reason) -> PickleValue {
    switch opcode {
    case .newTrue: return .bool(true)
    case .newFalse: return .bool(false)
    case .binInt:
      return .int(Int(try read { r throws(ByteReaderError) in try r.read(Int32.self) }))
    case .binInt1:
      return .int(Int(try read { r throws(ByteReaderError) in try r.read(UInt8.self) }))
    case .binInt2:
      return .int(Int(try read { r throws(ByteReaderError) in try r.read(UInt16.self) }))
    case .binFloat:
      // The one big-endian number of the format.
      let bits = try read { r throws(ByteReaderError) in try r.read(UInt64.self) }
      return .float(Double(bitPattern: bits.byteSwapped))
    case .long1:
      let count = Int(try read { r throws(ByteReaderError) in try r.read(UInt8.self) })
      return try long(count)
    case .long4:
      let count = Int(try read { r throws(ByteReaderError) in try r.read(Int32.self) })
      return try long(count)
    default: return .none
    }
  }

  /// A little-endian two's complement of any length.
  private mutating func long(_ count: Int) throws(PickleError.Reason) -> PickleValue {
    let bytes = try content(count)
    guard bytes.count <= 8 else { return .bigInt(bytes) }
    var value: UInt64 = (bytes.last ?? 0) >= 0x80 ? .max : 0
    for byte in bytes.reversed() { value = value << 8 | UInt64(byte) }
    return .int(Int(Int64(bitPattern: value)))
  }

  private mutating func bytes(_ opcode: Opcode) throws(PickleError.Reason) -> [UInt8] {
    try content(length(opcode))
  }

  private mutating func content(_ count: Int) throws(PickleError.Reason) -> [UInt8] {
    if count > 8 { try keep(min(count, reader.remaining) + 32, "byte strings") }
    return try read { r throws(ByteReaderError) in try r.readBytes(count) }
  }

  private mutating func text(_ opcode: Opcode) throws(PickleError.Reason) -> String {
    let count = try length(opcode)
    // Short texts lie within the value.
    if count > 15 { try keep(min(count, reader.remaining) + 32, "texts") }
    return try read { r throws(ByteReaderError) in try r.readUTF8(count) }
  }

  /// POP: a value, or a mark with nothing above it.
  private mutating func discard() throws(PickleError.Reason) {
    if marks.last == stack.count { marks.removeLast() } else { _ = try pop() }
  }

  private mutating func length(_ opcode: Opcode) throws(PickleError.Reason) -> Int {
    switch opcode {
    case .shortBinString, .shortBinBytes, .shortBinUnicode:
      Int(try read { r throws(ByteReaderError) in try r.read(UInt8.self) })
    case .binString, .binBytes, .binUnicode:
      Int(try read { r throws(ByteReaderError) in try r.read(UInt32.self) })
    default: try read { r throws(ByteReaderError) in try r.readSize() }
    }
  }

  private mutating func memoIndex(_ opcode: Opcode) throws(PickleError.Reason) -> Int {
    switch opcode {
    case .binPut, .binGet: Int(try read { r throws(ByteReaderError) in try r.read(UInt8.self) })
    default: Int(try read { r throws(ByteReaderError) in try r.read(UInt32.self) })
    }
  }

  private mutating func makeTuple(_ opcode: Opcode) throws(PickleError.Reason) {
    var elements: [PickleValue] = []
    switch opcode {
    case .emptyTuple: break
    case .tuple: elements = try popMark()
    default:
      let count = opcode == .tuple1 ? 1 : opcode == .tuple2 ? 2 : 3
      for _ in 0..<count { elements.append(try pop()) }
      elements.reverse()
    }
    try push(.tuple(allocate(elements)))
  }

  /// Adds elements to the list, dict or set below them.
  private mutating func extend(_ opcode: Opcode) throws(PickleError.Reason) {
    var elements: [PickleValue]
    switch opcode {
    case .append: elements = [try pop()]
    case .setItem:
      let value = try pop()
      elements = [try pop(), value]
    default: elements = try popMark()
    }
    switch (opcode, try top()) {
    case (.append, .list(let index)), (.appends, .list(let index)), (.addItems, .set(let index)):
      try grow(index, elements)
    case (.setItem, .dict(let index)), (.setItems, .dict(let index)):
      guard elements.count.isMultiple(of: 2) else { throw .keyWithoutValue }
      try grow(index, elements)
    // Some class of Python's own; what it holds is as unknown as it is.
    case (_, .opaque): break
    case (.append, let other), (.appends, let other):
      throw .wrongType(expected: "list", actual: other.typeName)
    case (.addItems, let other): throw .wrongType(expected: "set", actual: other.typeName)
    case (_, let other): throw .wrongType(expected: "dict", actual: other.typeName)
    }
  }

  private mutating func grow(
    _ index: Int, _ elements: [PickleValue]
  ) throws(PickleError.Reason) {
    try charge(document.heap[index], elements[...])
    document.heap[index].append(elements[...])
  }
}
