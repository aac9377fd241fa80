package import TensorBytes

/// Why a pickle was refused. Nothing of a pickle is ever executed.
package struct PickleError: Error, Equatable, Sendable, CustomStringConvertible {
  /// Where the opcode begins: in `data.pkl` for a zip, in the file for the legacy container.
  package let offset: Int
  /// What is wrong there.
  package let reason: Reason

  /// Makes an error at a byte offset.
  package init(offset: Int, reason: Reason) {
    self.offset = offset
    self.reason = reason
  }

  /// What is wrong.
  package enum Reason: Error, Equatable, Sendable {
    /// The data ends too early, or text is not UTF-8.
    case reading(ByteReaderError)
    /// An opcode that state dicts do not need.
    case opcodeNotAllowed(UInt8)
    /// The pickle does not begin with a protocol from 2 to 5; what there is instead.
    case unsupportedProtocol(Int)
    /// A function that runs programs or changes files.
    case globalNotAllowed(String)
    /// Something was called that is no function or class.
    case notCallable(String)
    /// A function on the list was called with arguments that it does not take.
    case badArguments(function: String)
    /// A value of another type was needed.
    case wrongType(expected: String, actual: String)
    /// An opcode took more values than there are.
    case stackUnderflow
    /// An opcode needs a mark, and there is none.
    case noMark
    /// A value was fetched from the memo that was never put there.
    case noMemo(Int)
    /// A dict was given a key without a value.
    case keyWithoutValue
    /// More memory or work than a file of its size may cost.
    case budget(BudgetError)
    /// A persistent id that is not a storage of PyTorch's.
    case badPersistentID
    /// Two references to one storage contradict each other.
    case storageConflict(key: String)
    /// A view reaches beyond its storage: bytes needed and there.
    case viewOutsideStorage(key: String, needed: Int, available: Int)
    /// A view's shape, strides and offset make no tensor.
    case badView(key: String, String)
  }

  /// The message for the user.
  package var description: String { "at byte \(offset) of the pickle: \(reason)" }
}

extension PickleError.Reason: CustomStringConvertible {
  /// The message without its place.
  package var description: String {
    switch self {
    case .reading(let error): "\(error)"
    case .opcodeNotAllowed(let code):
      "opcode 0x\(String(code, radix: 16)) is not allowed"
    case .unsupportedProtocol(let version): "protocol \(version) is not one of 2 to 5"
    case .globalNotAllowed(let name):
      "global \(name.printable()) is not allowed: loading this file with Python would run it; nothing was run "
        + "here, but don't trust the file"
    case .notCallable(let what): "a value of type \(what.printable()) is called"
    case .badArguments(let function):
      "the arguments of \(function.printable()) are not what it takes"
    case .wrongType(let expected, let actual): "\(expected) expected, \(actual.printable()) found"
    case .stackUnderflow: "the stack is empty"
    case .noMark: "the mark is missing"
    case .noMemo(let index): "memo \(index) was never set"
    case .keyWithoutValue: "a key has no value"
    case .budget(let error): "\(error)"
    case .badPersistentID: "the persistent id is not a storage"
    case .storageConflict(let key):
      "references to storage \"\(key.printable())\" contradict each other"
    case .viewOutsideStorage(let key, let needed, let available):
      "a tensor needs \(needed) bytes of storage \"\(key.printable())\", which has \(available)"
    case .badView(let key, let message): "a tensor of storage \"\(key.printable())\": \(message)"
    }
  }
}
