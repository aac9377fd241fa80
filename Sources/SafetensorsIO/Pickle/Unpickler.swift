internal import TensorBytes

/// A symbolic interpreter of the pickles that PyTorch writes, protocols 2 to 5.
///
/// It executes nothing: classes and functions become ``PickleGlobal`` symbols, tensors become
/// descriptions, and what only Python could build becomes an opaque value with a name. All that is
/// kept and done is charged to the file's ``FileBudget`` first.
struct Unpickler {
  /// What an opcode costs, in steps of the budget.
  private static let opcodeSteps = 32
  /// Bytes of a value on the stack or in the memo, twice for the moment in which an array grows.
  private static let slotBytes = 2 * MemoryLayout<PickleValue>.stride
  /// Room on the stack and in the memo is charged in blocks of so many values.
  private static let block = 4096

  var reader: ByteReader
  var budget: FileBudget
  var document = PickleDocument()
  var stack: [PickleValue] = []
  /// The stack's height at each open mark.
  var marks: [Int] = []
  var storageIndices: [ByteKey: Int] = [:]
  /// Where the opcode being interpreted begins.
  private(set) var opcodeOffset = 0
  /// The memo as Python fills it, by ascending indices.
  private var memo: [PickleValue] = []
  /// Entries that were put elsewhere.
  private var strewnMemo: [Int: PickleValue] = [:]
  /// Values and marks that the stack and the memo may hold before more are charged.
  private var stackRoom = 0
  private var markRoom = 0
  private var memoRoom = 0

  private init(_ reader: ByteReader, _ budget: FileBudget) {
    self.reader = reader
    self.budget = budget
  }

  /// Interprets one pickle and leaves the reader behind its end.
  static func load(
    _ reader: inout ByteReader, _ budget: inout FileBudget
  ) throws(PickleError) -> PickleDocument {
    var unpickler = Unpickler(reader, budget)
    do throws(PickleError.Reason) {
      try unpickler.run()
    } catch {
      throw PickleError(offset: unpickler.opcodeOffset, reason: error)
    }
    reader = unpickler.reader
    budget = unpickler.budget
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
      try work(Self.opcodeSteps)
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

  /// Charges memory.
  mutating func keep(
    _ bytes: Int, _ what: @autoclosure () -> String
  ) throws(PickleError.Reason) {
    do throws(BudgetError) { try budget.keep(bytes, what()) } catch { throw .budget(error) }
  }

  /// Charges work.
  mutating func work(_ steps: Int) throws(PickleError.Reason) {
    do throws(BudgetError) {
      try budget.work(steps, "interpreting its pickle")
    } catch { throw .budget(error) }
  }

  mutating func push(_ value: PickleValue) throws(PickleError.Reason) {
    if stack.count == stackRoom {
      try keep(Self.block * Self.slotBytes, "values")
      stackRoom += Self.block
    }
    stack.append(value)
  }

  mutating func openMark() throws(PickleError.Reason) {
    if marks.count == markRoom {
      try keep(Self.block * 2 * MemoryLayout<Int>.stride, "marks")
      markRoom += Self.block
    }
    marks.append(stack.count)
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

  /// Puts the topmost value into the memo; by default where Python would.
  mutating func memoize(at index: Int? = nil) throws(PickleError.Reason) {
    let value = try top()
    let index = index ?? memo.count + strewnMemo.count
    if index < memo.count {
      memo[index] = value
    } else if index == memo.count {
      if memo.count == memoRoom {
        try keep(Self.block * Self.slotBytes, "memo")
        memoRoom += Self.block
      }
      memo.append(value)
    } else {
      try keep(4 * Self.slotBytes, "memo")
      strewnMemo[index] = value
    }
  }

  /// Pushes a value of the memo.
  mutating func recall(_ index: Int) throws(PickleError.Reason) {
    guard let value = index < memo.count ? memo[index] : strewnMemo[index] else {
      throw .noMemo(index)
    }
    try push(value)
  }

  /// Stores the elements of a new container and returns its index.
  mutating func allocate(_ elements: [PickleValue] = []) throws(PickleError.Reason) -> Int {
    var container = PickleContainer()
    try charge(container, elements[...])
    container.append(elements[...])
    document.heap.append(container)
    return document.heap.count - 1
  }

  /// Charges what a container grows by.
  mutating func charge(
    _ container: PickleContainer, _ new: ArraySlice<PickleValue>
  ) throws(PickleError.Reason) {
    let fixed = container.count == 0 ? Self.containerBytes : 0
    try keep(fixed + Self.slotBytes * container.growth(new), "containers")
  }

  /// Bytes of a container and of its place in the heap.
  private static let containerBytes = 64 + 2 * MemoryLayout<PickleContainer>.stride
}
