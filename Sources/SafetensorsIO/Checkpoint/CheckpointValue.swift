/// A value of a checkpoint that is no tensor.
package enum CheckpointValue: Equatable, Sendable {
  /// Python's None.
  case none
  /// True or False.
  case bool(Bool)
  /// An integer of at most 64 bits.
  case int(Int)
  /// A float.
  case float(Double)
  /// A string.
  case string(String)
  /// A list or tuple of a few thousand integers at most, such as patch_nums; empty ones too.
  case integers([Int])
  /// A longer list, or one of other values: the first, and how many there are.
  case list([CheckpointValue], count: Int)
  /// Anything else that holds no weights: what Python calls its type.
  case other(String)

  /// About the memory that it takes beside its place, its text in a listing included.
  var byteCount: Int {
    switch self {
    case .none, .bool, .int, .float: 0
    case .string(let text), .other(let text): 3 * text.utf8.count
    case .integers(let values): 16 * values.count
    case .list(let values, _): values.reduce(0) { $0 + 64 + $1.byteCount }
    }
  }
}
