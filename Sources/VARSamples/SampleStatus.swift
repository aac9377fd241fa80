import Foundation
package import TensorBytes

/// How far a sample set is.
package struct SampleStatus: Sendable {
  /// A shard that somebody is at.
  package struct Running: Sendable {
    /// Which.
    package let shard: Int
    /// Pictures that it will have.
    package let count: Int
    /// Whose.
    package let lock: OutputLock.Found
  }

  /// The plan.
  package let plan: SamplePlan
  /// Shards that are whole.
  package private(set) var done: [Int] = []
  /// Shards that are being made.
  package private(set) var running: [Running] = []
  /// Shards whose process is gone.
  package private(set) var stale: [Running] = []
  /// Shards that nobody is at, the stale ones among them.
  package private(set) var missing: [Int] = []
  /// Pictures that are whole.
  package private(set) var pictures = 0
  /// Pictures a second of all who are at work, nil where nothing tells.
  package private(set) var rate: Double?

  /// Looks into a folder.
  /// - Throws: ``SampleSetError``, `FileError`.
  package init(_ folder: SampleFolder, staleAfter: Double = SampleMaker.staleAfter) throws {
    plan = try folder.plan()
    var ends: [Double] = []
    for shard in 0..<plan.shards {
      let count = plan.range(of: shard).count
      if try folder.shard(shard, plan) != nil {
        done.append(shard)
        pictures += count
        let path = folder.shardPath(shard, plan)
        let date = try? FileManager.default.attributesOfItem(atPath: path)[.modificationDate]
        if let date = date as? Date { ends.append(date.timeIntervalSince1970) }
        continue
      }
      let lock = OutputLock.found(at: folder.lockPath(shard, plan))
      if let lock, !lock.isStale(after: staleAfter) {
        running.append(Running(shard: shard, count: count, lock: lock))
        continue
      }
      if let lock { stale.append(Running(shard: shard, count: count, lock: lock)) }
      missing.append(shard)
    }
    rate = Self.rate(running) ?? Self.rate(ends, pictures: pictures)
  }

  /// Pictures that are not whole, less what those at work have drawn of theirs.
  package var left: Int {
    plan.count - pictures - running.reduce(0) { $0 + ($1.lock.holder?.done ?? 0) }
  }

  /// Seconds until all is done at today's rate; nil where nobody is at work.
  package var secondsLeft: Double? {
    running.isEmpty ? nil : rate.map { Double(left) / $0 }
  }

  private static func rate(_ running: [Running]) -> Double? {
    let rates = running.compactMap { running -> Double? in
      guard let holder = running.lock.holder, holder.done > 0, holder.seconds > 0 else {
        return nil
      }
      return Double(holder.done) / holder.seconds
    }
    guard !rates.isEmpty else { return nil }
    // Those that have drawn none yet will be as fast as the others.
    return rates.reduce(0, +) / Double(rates.count) * Double(running.count)
  }

  /// From the first shard's end to the last one's.
  private static func rate(_ ends: [Double], pictures: Int) -> Double? {
    guard ends.count > 1, let first = ends.min(), let last = ends.max(), last > first else {
      return nil
    }
    return Double(pictures) * Double(ends.count - 1) / Double(ends.count) / (last - first)
  }
}
