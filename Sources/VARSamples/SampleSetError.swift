internal import TensorBytes

/// Why a sample set can't be made, continued or merged.
package enum SampleSetError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The plan's file says what no plan says.
  case plan(String)
  /// The folder's plan can't be read.
  case damagedPlan(path: String, reason: String)
  /// The folder has the plan of another set: what differs, as it is there and as it was asked for.
  case otherPlan(path: String, field: String, there: String, asked: String)
  /// There is no plan.
  case noPlan(folder: String)
  /// More pictures than a set may have.
  case tooMany(pictures: Int)
  /// No or too many shards.
  case shards(Int, limit: Int)
  /// A shard that the plan hasn't.
  case shardNumber(Int, shards: Int)
  /// A class that was named twice.
  case classTwice(Int)
  /// This CPU can't do what the plan says.
  case level(path: String, level: String)
  /// The plan's arithmetic is unknown here.
  case compute(path: String, compute: String)
  /// The model is not the plan's.
  case otherModel(path: String, recorded: String, actual: String)
  /// Shards are missing.
  case missing(folder: String, shards: [Int], running: Int)
  /// A shard's file is none of this set.
  case strange(path: String, reason: String)
  /// A shard's pixels are not those that were written.
  case damaged(path: String)

  /// The message for the user.
  package var description: String {
    switch self {
    case .plan(let reason): "this is no plan of a sample set: \(reason)"
    case .damagedPlan(let path, let reason):
      "\(path): \(reason); use another folder, or remove the file if nothing of the set is needed"
    case .otherPlan(let path, let field, let there, let asked):
      "\(path) is the plan of another set: \(field) is \(there) there, and \(asked) was asked for; "
        + "repeat its arguments, or use another folder"
    case .noPlan(let folder): "\(folder) has no plan.json: it is no folder of a sample set"
    case .tooMany(let pictures):
      "\(pictures) pictures; a set has at most \(SamplePlan.limit)"
    case .shards(let shards, let limit):
      "\(shards) shards; this set can be cut into 1 to \(limit)"
    case .shardNumber(let shard, let shards):
      "there is no shard \(shard); the shards are 0 to \(shards - 1)"
    case .classTwice(let id): "class \(id) is named twice; a set has each class once a round"
    case .level(let path, let level):
      "\(path) was made for the instruction set \(level), which this CPU lacks; begin the set with "
        + "--cpu-level and one that all machines have (avx2, neon)"
    case .compute(let path, let compute): "\(path): the arithmetic \"\(compute)\" is unknown here"
    case .otherModel(let path, let recorded, let actual):
      "\(path) is of the model \(recorded.prefix(12)), this one is \(actual.prefix(12))"
    case .missing(let folder, let shards, let running):
      "\(folder) lacks \(shards.count == 1 ? "shard" : "\(shards.count) shards:") "
        + Self.list(shards)
        + (running > 0 ? "; \(running) of them \(running == 1 ? "is" : "are") being made" : "")
        + "; var-run samples run makes what is missing"
    case .strange(let path, let reason):
      "\(path) is no shard of this set: \(reason); move it away"
    case .damaged(let path):
      "\(path): the pixels are not those that were written (SHA-256); remove the file, and make the "
        + "shard again"
    }
  }

  private static func list(_ shards: [Int]) -> String {
    shards.prefix(12).map(String.init).joined(separator: ", ") + (shards.count > 12 ? ", …" : "")
  }
}
