import Dispatch
import Foundation
internal import Synchronization

/// A regular expression of the user's, which is matched with names as long as that doesn't take long.
///
/// Some expressions, such as `(a+)+$`, take exponential time. Matching runs on a thread of its own,
/// which is left behind when its time is over: it can't be stopped, and ends with the program.
final class NamePattern: Sendable {
  /// Bytes of an expression.
  private static let longest = 2000
  /// Seconds for all names of a model.
  private static let patience = 1.0
  /// Seconds for all expressions of a recipe.
  private static let patienceWithAll = 1.5
  /// Parsing an expression nests as deeply as its parentheses.
  private static let stackSize = 16 << 20

  /// The expression.
  let text: String
  /// Whether it is an expression of ours, which is quick and needs no thread.
  private let isOurs: Bool
  private let known = Mutex<[String: Bool]>([:])

  /// Makes an expression of ours: it must hold where there is no memory for a thread, too.
  init(ours text: String) {
    self.text = text
    isOurs = true
  }

  /// Reads an expression.
  /// - Throws: ``RecipeError``.
  init(_ text: String) throws(RecipeError) {
    self.text = text
    isOurs = false
    guard text.utf8.count <= Self.longest else { throw .invalidPattern(text) }
    guard let isValid = Self.patiently({ (try? Regex(text)) != nil }) else {
      throw .slowPattern(text)
    }
    guard isValid else { throw .invalidPattern(text) }
  }

  /// When the expressions of a recipe must have been matched that are begun with now.
  static var deadline: DispatchTime { .now() + patienceWithAll }

  /// Finds out which of the names have a part that the expression matches.
  /// - Throws: ``RecipeError/slowPattern(_:)``.
  func match(
    _ names: [String], before deadline: DispatchTime = .distantFuture
  ) throws(RecipeError) {
    let text = start
    let unknown = known.withLock { known in names.filter { known[$0] == nil } }
    if unknown.isEmpty { return }
    let search: @Sendable () -> [String: Bool] = {
      guard let regex = try? Regex(text) else { return [:] }
      return Dictionary(
        unknown.map { ($0, (try? regex.firstMatch(in: $0)) != nil) }, uniquingKeysWith: { $1 })
    }
    let found = isOurs ? search() : Self.patiently(before: deadline, search)
    guard let found else { throw .slowPattern(text) }
    known.withLock { $0.merge(found) { $1 } }
  }

  /// Whether the expression matches a part of a name; false where finding out takes too long.
  func matches(_ name: String) -> Bool {
    try? match([name])
    return known.withLock { $0[name] } ?? false
  }

  /// The expression without a `.*` in front, which finds the same names and takes a tenth of the time.
  private var start: String {
    let rest = text.dropFirst(2)
    return text.hasPrefix(".*") && rest.first.map({ !"*+?{|)".contains($0) }) ?? false
      ? String(rest) : text
  }

  /// What `body` returns, unless that takes too long.
  private static func patiently<R: Sendable>(
    before deadline: DispatchTime = .distantFuture, _ body: @escaping @Sendable () -> R
  ) -> R? {
    let result = Outcome<R>()
    let done = DispatchSemaphore(value: 0)
    let thread = Thread {
      let value = body()
      result.value.withLock { $0 = value }
      done.signal()
    }
    thread.stackSize = stackSize
    thread.start()
    guard done.wait(timeout: min(deadline, .now() + patience)) == .success else { return nil }
    return result.value.withLock { $0 }
  }

  private final class Outcome<R: Sendable>: Sendable {
    let value = Mutex<R?>(nil)
  }
}
