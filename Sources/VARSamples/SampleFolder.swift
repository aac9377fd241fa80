import Foundation
internal import TensorBytes

/// A folder that holds a sample set: its plan, its shards, and locks of those that are being made.
package struct SampleFolder: Sendable {
  /// The folder.
  package let path: String

  /// Names a folder, which may not exist.
  package init(_ path: String) {
    self.path = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
  }

  /// The plan's file.
  package var planPath: String { path + "/plan.json" }

  /// A shard's name without suffix, such as `shard-0003-of-0016`.
  package static func name(of shard: Int, _ plan: SamplePlan) -> String {
    "shard-\(digits(shard))-of-\(digits(plan.shards))"
  }

  private static func digits(_ number: Int) -> String {
    let text = String(number)
    return String(repeating: "0", count: max(0, 4 - text.count)) + text
  }

  /// The file of a shard.
  package func shardPath(_ shard: Int, _ plan: SamplePlan) -> String {
    "\(path)/\(Self.name(of: shard, plan)).safetensors"
  }

  /// The lock of a shard.
  package func lockPath(_ shard: Int, _ plan: SamplePlan) -> String {
    "\(path)/\(Self.name(of: shard, plan)).lock"
  }

  /// Reads the plan.
  /// - Throws: ``SampleSetError``, `FileError`.
  package func plan() throws -> SamplePlan {
    guard FileManager.default.fileExists(atPath: planPath) else {
      throw SampleSetError.noPlan(folder: path)
    }
    let bytes = try PlanText.read(planPath)
    do {
      try JSONCost.check(bytes)
      let plan = try JSONDecoder().decode(SamplePlan.self, from: Data(bytes))
      try plan.check()
      return plan
    } catch let error as SampleSetError {
      throw SampleSetError.damagedPlan(path: planPath, reason: "\(error)")
    } catch {
      throw SampleSetError.damagedPlan(path: planPath, reason: "it is no plan of a sample set")
    }
  }

  /// Puts the plan into the folder, or finds that it is there.
  ///
  /// Of several processes that begin a set, one writes its plan.
  /// - Throws: ``SampleSetError/otherPlan(path:field:there:asked:)`` where the folder has another one.
  package func begin(_ plan: SamplePlan) throws {
    if !FileManager.default.fileExists(atPath: planPath) {
      let file = try Outputs(reading: []).file("plan.json", in: path)
      do {
        return try file.write(PlanText.text(of: plan))
      } catch FileError.exists {
        // Another process was faster.
      }
    }
    let there = try self.plan()
    guard there != plan else { return }
    let (ours, theirs) = (try PlanText.fields(of: plan), try PlanText.fields(of: there))
    let field = ours.keys.sorted().first { ours[$0] != theirs[$0] } ?? "it"
    throw SampleSetError.otherPlan(
      path: planPath, field: field, there: theirs[field] ?? "", asked: ours[field] ?? "")
  }

  /// The shard, if its file is there.
  /// - Throws: ``SampleSetError/strange(path:reason:)`` for another file in its place.
  package func shard(_ shard: Int, _ plan: SamplePlan) throws -> SampleShard? {
    let path = shardPath(shard, plan)
    guard FileManager.default.fileExists(atPath: path) else { return nil }
    return try SampleShard(path, shard, of: plan)
  }
}

/// The plan as text.
enum PlanText {
  private static let sizeLimit = 1 << 24

  static func read(_ path: String) throws -> [UInt8] {
    let file = try MappedFile(path)
    guard file.count <= sizeLimit else {
      throw SampleSetError.damagedPlan(path: path, reason: "it is too long for a plan")
    }
    return try unsafe file.withBytes(in: 0..<file.count) { unsafe [UInt8]($0) }
  }

  private static func encoded(
    _ plan: SamplePlan, _ formatting: JSONEncoder.OutputFormatting
  ) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = formatting.union([.sortedKeys, .withoutEscapingSlashes])
    return [UInt8](try encoder.encode(plan))
  }

  /// For people.
  static func text(of plan: SamplePlan) throws -> [UInt8] {
    try encoded(plan, .prettyPrinted) + [0x0a]
  }

  /// SHA-256 of the plan's JSON without spaces, keys sorted, in hexadecimal.
  static func digest(of plan: SamplePlan) throws -> String {
    SHA256Digest.hex(try SHA256Digest.digest(of: encoded(plan, [])))
  }

  /// Every member as text.
  static func fields(of plan: SamplePlan) throws -> [String: String] {
    let object = try JSONSerialization.jsonObject(with: Data(encoded(plan, [])))
    return (object as? [String: Any] ?? [:]).mapValues { "\($0)" }
  }
}
