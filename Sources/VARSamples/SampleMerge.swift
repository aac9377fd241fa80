import Foundation
internal import SafetensorsIO
package import TensorBytes
internal import VARImages

/// Puts the shards of a set together.
package struct SampleMerge {
  /// The plan.
  package let plan: SamplePlan
  private let shards: [SampleShard]

  /// Opens all shards of a folder.
  /// - Throws: ``SampleSetError/missing(folder:shards:running:)`` for gaps,
  ///   ``SampleSetError/strange(path:reason:)`` for files of other sets.
  package init(_ folder: SampleFolder) throws {
    let plan = try folder.plan()
    self.plan = plan
    let known = Set((0..<plan.shards).map { SampleFolder.name(of: $0, plan) + ".safetensors" })
    for name in try Folder.list(folder.path)
    where name.hasPrefix("shard-") && name.hasSuffix(".safetensors") && !known.contains(name) {
      throw SampleSetError.strange(
        path: folder.path + "/" + name,
        reason: "the plan has \(plan.shards) shards and not this one")
    }
    let found = try (0..<plan.shards).map { try folder.shard($0, plan) }
    let missing = found.indices.filter { found[$0] == nil }
    guard missing.isEmpty else {
      let running = missing.count { OutputLock.found(at: folder.lockPath($0, plan)) != nil }
      throw SampleSetError.missing(folder: folder.path, shards: missing, running: running)
    }
    shards = found.compactMap(\.self)
  }

  /// The files that are read.
  package var paths: [String] { shards.map(\.path) }

  /// Writes an `.npz` file of `arr_0`, the pictures U8 [N, S, S, 3], and `arr_1`, the classes I64 [N].
  /// - Parameter progress: is told how many pictures are written.
  /// - Throws: ``SampleSetError/damaged(path:)``; nothing remains of the file then.
  package func writeArchive(_ file: OutputFile, progress: (Int) -> Void = { _ in }) throws {
    let size = plan.imageSide * plan.imageSide * 3
    try file.checkSpace(for: plan.count * (size + 8) + 1024)
    let archive = try NumPyArchive(file)
    try archive.begin("arr_0", .u8, shape: [plan.count, plan.imageSide, plan.imageSide, 3])
    var written = 0
    for shard in shards {
      try unsafe shard.forEachPiece { piece in
        try unsafe archive.append(piece)
        written += piece.count
        progress(written / size)
      }
    }
    try archive.begin("arr_1", .i64, shape: [plan.count])
    let labels = plan.labels(of: 0..<plan.count).map { Int64($0).littleEndian }
    try unsafe labels.withUnsafeBytes { try unsafe archive.append($0) }
    try archive.finish()
  }

  /// The names of the pictures as PNG files: place and class, such as `000123-class207.png`.
  package var pictureNames: [String] {
    let digits = max(6, String(plan.count - 1).count)
    return plan.labels(of: 0..<plan.count).enumerated().map { index, label in
      let text = String(index)
      return String(repeating: "0", count: digits - text.count) + text + "-class\(label).png"
    }
  }

  /// Writes every picture as a PNG file.
  /// - Parameters:
  ///   - files: as many as there are pictures, in their order.
  ///   - progress: is told how many pictures are written.
  package func writePictures(_ files: [OutputFile], progress: (Int) -> Void = { _ in }) throws {
    let size = plan.imageSide * plan.imageSide * 3
    var rest: [UInt8] = []
    var index = 0
    for shard in shards {
      // No picture of a shard that is damaged.
      try unsafe shard.forEachPiece { _ in }
      try unsafe shard.forEachPiece { piece in
        unsafe rest.append(contentsOf: piece)
        var start = 0
        while rest.count - start >= size {
          let image = try Image(
            width: plan.imageSide, height: plan.imageSide,
            pixels: Array(rest[start..<start + size]))
          try files[index].write(image.png())
          start += size
          index += 1
          progress(index)
        }
        rest.removeFirst(start)
      }
    }
  }
}
