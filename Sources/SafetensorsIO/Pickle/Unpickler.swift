internal import TensorBytes

/// A symbolic interpreter of the pickles that PyTorch writes, protocols 2 to 5.
///
/// It executes nothing: classes and functions become ``PickleGlobal`` symbols, tensors become
/// descriptions. Accepted is what `torch.load(weights_only=True)` accepts, plus the framing and
/// string opcodes of protocols 3 to 5. Each opcode adds a bounded number of values, and their
/// number is limited, so memory is bounded whatever the pickle says.
struct Unpickler {
  /// Values that a pickle may make; the largest real checkpoints have some hundred thousand.
  static let valueLimit = 4_000_000

  var reader: ByteReader
  var document = PickleDocument()
  var stack: [PickleValue] = []
  /// The stack's height at each open mark.
  var marks: [Int] = []
  var memo: [Int: PickleValue] = [:]
  var storageIndices: [ByteKey: Int] = [:]
  /// Where the opcode being interpreted begins.
  private(set) var opcodeOffset = 0
  private var valueCount = 0

  private init(_ reader: ByteReader) { self.reader = reader }

  /// Interprets one pickle and leaves the reader behind its end.
  static func load(_ reader: inout ByteReader) throws(PickleError) -> PickleDocument {
    var unpickler = Unpickler(reader)
    do throws(PickleError.Reason) {
      try unpickler.run()
    } catch {
      throw PickleError(offset: unpickler.opcodeOffset, reason: error)
    }
    reader = unpickler.reader
    return unpickler.document
  }

  private mutating func run() throws(PickleError.Reason) {
    opcodeOffset = reader.offset
    let first = try read { r throws(ByteReaderError) in try r.read(UInt8.self) }
    guard first == Opcode.proto.rawValue else { throw .unsupportedProtocol(0) }
    let version = try read { r throws(ByteReaderError) in try r.read(UInt8.self) }
    guard (2...5).contains(version) else { throw .unsupportedProtocol(Int(version)) }
    while true {
      opcodeOffset = reader.offset
      let code = try read { r throws(ByteReaderError) in try r.read(UInt8.self) }
      guard let opcode = Opcode(rawValue: code) else { throw .opcodeNotAllowed(code) }
      if opcode == .stop { break }
      try execute(opcode)
    }
    document.root = try pop()
  }

  /// Reads from the input; its errors become ours.
  mutating func read<T>(
    _ body: (inout ByteReader) throws(ByteReaderError) -> T
  ) throws(PickleError.Reason) -> T {
    do throws(ByteReaderError) {
      return try body(&reader)
    } catch { throw .reading(error) }
  }

  mutating func push(_ value: PickleValue) throws(PickleError.Reason) {
    try charge(1)
    stack.append(value)
  }

  /// Counts values that are made, copies in containers included.
  mutating func charge(_ count: Int) throws(PickleError.Reason) {
    valueCount += count
    guard valueCount <= Self.valueLimit else {
      throw .tooLarge(what: "values", limit: Self.valueLimit)
    }
  }

  /// The topmost value, which an open mark protects.
  mutating func pop() throws(PickleError.Reason) -> PickleValue {
    guard stack.count > (marks.last ?? 0), let value = stack.popLast() else {
      throw .stackUnderflow
    }
    return value
  }

  /// The values above the last mark, which is closed.
  mutating func popMark() throws(PickleError.Reason) -> [PickleValue] {
    guard let height = marks.popLast() else { throw .noMark }
    let values = Array(stack[height...])
    stack.removeSubrange(height...)
    return values
  }

  /// The topmost value, left where it is.
  func top() throws(PickleError.Reason) -> PickleValue {
    guard stack.count > (marks.last ?? 0), let value = stack.last else { throw .stackUnderflow }
    return value
  }

  /// Stores the elements of a new container and returns its index.
  mutating func allocate(_ elements: [PickleValue] = []) throws(PickleError.Reason) -> Int {
    try charge(elements.count)
    document.heap.append(elements)
    return document.heap.count - 1
  }
}
