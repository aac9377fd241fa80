/// What one file may cost: memory that it makes us keep, and work that it makes us do.
///
/// There is one for each file that is opened, and everything is charged to it before it is spent:
/// values, memo, names and list entries of a pickle, inflated bytes, bytes that are hashed. Both
/// limits grow with the bytes that are really there, so that sound files never meet them, and a file
/// of 10 MB takes less than two seconds and 300 MB whatever it says.
struct FileBudget: Sendable {
  /// Memory that any file may take, and what each of its bytes adds.
  private static let memory = (base: 128 << 20, perByte: 8)
  /// Steps that any file may take, and what each of its bytes adds; a step is about a nanosecond.
  private static let steps = (base: 512 << 20, perByte: 32)
  /// Files larger than this get no more memory.
  private static let largestSize = 256 << 20

  private var memoryLimit = memory.base
  private var stepLimit = steps.base
  private var memoryLeft = memory.base
  private var stepsLeft = steps.base

  /// The budget of a file of `size` bytes.
  init(size: Int) { add(size: size) }

  /// Adds what another file of the same checkpoint, such as a shard, may cost.
  mutating func add(size: Int) {
    let memory = Self.memory.perByte * min(size, Self.largestSize)
    // Sizes of files are below 2^56.
    let steps = Self.steps.perByte * min(size, 1 << 56)
    memoryLimit += memory
    memoryLeft += memory
    stepLimit += steps
    stepsLeft += steps
  }

  /// Charges memory that is kept.
  /// - Parameter what: what takes it, in the plural.
  mutating func keep(_ bytes: Int, _ what: @autoclosure () -> String) throws(BudgetError) {
    guard bytes <= memoryLeft else { throw .memory(what: what(), limit: memoryLimit) }
    memoryLeft -= bytes
  }

  /// Checks memory that is given back before the next such piece is taken.
  func borrow(_ bytes: Int, _ what: @autoclosure () -> String) throws(BudgetError) {
    guard bytes <= memoryLeft else { throw .memory(what: what(), limit: memoryLimit) }
  }

  /// Charges work.
  /// - Parameters:
  ///   - count: how many times something is done.
  ///   - step: what each time costs.
  ///   - what: what is done.
  mutating func work(
    _ count: Int, times step: Int = 1, _ what: @autoclosure () -> String
  ) throws(BudgetError) {
    let (cost, overflow) = count.multipliedReportingOverflow(by: step)
    guard !overflow, cost <= stepsLeft else { throw .work(what: what()) }
    stepsLeft -= cost
  }
}

/// A file would cost more than any sound file of its size.
package enum BudgetError: Error, Equatable, Sendable, CustomStringConvertible {
  /// More memory than its budget.
  case memory(what: String, limit: Int)
  /// More work than its budget.
  case work(what: String)

  /// The message for the user.
  package var description: String {
    switch self {
    case .memory(let what, let limit):
      "its \(what) would take more than the \(limit >> 20) MiB that a file of this size may take; "
        + Self.remedy
    case .work(let what):
      "\(what) would take far longer than for any sound file of this size; " + Self.remedy
    }
  }

  private static let remedy =
    "it is damaged or made to do harm (if you trust it, save its state dict alone with PyTorch)"
}
