internal import SafetensorsIO
package import TensorBytes
internal import VAR
package import VARCompute
package import VARCore
internal import VARImages
internal import VARQuant

/// Draws the shards of a set.
package final class SampleMaker {
  /// What came of a shard.
  package enum Outcome: Equatable, Sendable {
    /// It was drawn now.
    case made
    /// It was there.
    case whole
    /// Another process is at it.
    case held(OutputLock.Held)
  }

  private let folder: SampleFolder
  private let plan: SamplePlan
  private let model: Model
  private let engine: PictureEngine
  private let staleAfter: Double

  /// Seconds without a sign of life after which a process on another machine is given up.
  package static let staleAfter = 600.0

  /// Prepares to draw the set of a folder that has its plan.
  /// - Parameters:
  ///   - compute: of the plan's arithmetic and instruction set.
  ///   - staleAfter: seconds without a sign of life after which a process elsewhere is given up.
  /// - Throws: as `PictureEngine` does.
  package init(
    _ folder: SampleFolder, _ plan: SamplePlan, _ model: Model, _ compute: Compute,
    staleAfter: Double = SampleMaker.staleAfter
  ) throws {
    self.folder = folder
    self.plan = plan
    self.model = model
    self.staleAfter = staleAfter
    engine = try PictureEngine(model, compute)
  }

  /// Makes a shard, unless it is there or another process is at it.
  /// - Parameter progress: is told of each picture that is done, and how many the shard has.
  /// - Throws: ``SampleSetError/strange(path:reason:)`` for another file in its place, what drawing and
  ///   writing throw; nothing remains of the shard then.
  package func make(
    _ shard: Int, progress: (_ done: Int, _ count: Int) -> Void = { _, _ in }
  ) throws -> Outcome {
    if try folder.shard(shard, plan) != nil { return .whole }
    let outputs = Outputs(reading: [model.file.path, folder.planPath])
    let name = SampleFolder.name(of: shard, plan)
    let lock: OutputLock
    do {
      lock = try OutputLock(
        outputs.file(name + ".lock", in: folder.path, replacing: .always), staleAfter: staleAfter)
    } catch let held as OutputLock.Held {
      return .held(held)
    }
    defer { lock.release() }
    // Another process may have ended in between.
    if try folder.shard(shard, plan) != nil { return .whole }
    do {
      let file = try outputs.file(name + ".safetensors", in: folder.path)
      try draw(shard, to: file, lock, progress)
    } catch {
      // A lock that was broken: another has made the same bytes.
      if Self.isThere(error), try folder.shard(shard, plan) != nil { return .whole }
      throw error
    }
    return .made
  }

  private static func isThere(_ error: any Error) -> Bool {
    switch error {
    case FileError.exists, OutputError.exists: true
    default: false
    }
  }

  private func draw(
    _ shard: Int, to file: OutputFile, _ lock: OutputLock, _ progress: (Int, Int) -> Void
  ) throws {
    let range = plan.range(of: shard)
    try file.checkSpace(for: range.count * plan.imageSide * plan.imageSide * 3)
    let writer = try SafetensorsWriter(
      file, metadata: SampleShard.metadata(plan, shard), entries: SampleShard.entries(plan, shard))
    let labels = plan.labels(of: range).map { Int64($0).littleEndian }
    try unsafe labels.withUnsafeBytes { try unsafe writer.append($0) }
    let digest = try SHA256Digest()
    var done = 0
    try engine.run(plan.generation(of: range, model.configuration)) { event in
      switch event {
      case .scale: lock.beat(done: done)
      case .picture(let picture):
        try unsafe picture.image.pixels.withUnsafeBytes { bytes in
          try unsafe digest.update(bytes)
          try unsafe writer.append(bytes)
        }
        done += 1
        lock.beat(done: done)
        progress(done, range.count)
      default: break
      }
    }
    try unsafe digest.finalize().withUnsafeBytes { try unsafe writer.append($0) }
    try writer.finish()
  }
}
