import Foundation

/// The memory that control groups, of version 1 or 2, leave to a process.
package struct ControlGroup {
  /// What a version calls limit and use, and the pages of files in its `memory.stat`, which give way.
  private struct Names {
    let limit: String
    let use: String
    let cached: Set<String>
  }

  private static let first = Names(
    limit: "memory.limit_in_bytes", use: "memory.usage_in_bytes",
    cached: ["total_active_file", "total_inactive_file"])
  private static let second = Names(
    limit: "memory.max", use: "memory.current", cached: ["active_file", "inactive_file"])

  /// The least that a group of a process, or one above it, leaves; nil where there is no limit.
  /// - Parameters:
  ///   - groups: the text of `/proc/self/cgroup`.
  ///   - root: where the groups are mounted.
  package static func left(_ groups: String, root: String = "/sys/fs/cgroup") -> Int? {
    groups.split(separator: "\n").compactMap { line -> Int? in
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3 else { return nil }
      if fields[0] == "0", fields[1].isEmpty { return least(root, fields[2], second) }
      guard fields[1].split(separator: ",").contains("memory") else { return nil }
      return least(root + "/memory", fields[2], first)
    }.min()
  }

  /// From a group up to the root. In a container the root may be the group itself: folders that are
  /// not there say nothing.
  private static func least(_ root: String, _ path: Substring, _ names: Names) -> Int? {
    var folders = [root]
    for name in path.split(separator: "/") {
      folders.append(folders[folders.count - 1] + "/" + name)
    }
    return folders.compactMap { left(in: $0, names) }.min()
  }

  /// Limit minus use.
  private static func left(in folder: String, _ names: Names) -> Int? {
    guard let limit = number(text(folder + "/" + names.limit)),
      let used = number(text(folder + "/" + names.use))
    else { return nil }
    let lines = text(folder + "/memory.stat")?.split(separator: "\n") ?? []
    let cached = lines.compactMap { line -> Int? in
      let fields = line.split(separator: " ")
      return fields.count == 2 && names.cached.contains(String(fields[0])) ? Int(fields[1]) : nil
    }.reduce(0, +)
    return max(0, limit - max(0, used - cached))
  }

  private static func number(_ text: String?) -> Int? {
    text.flatMap { Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
  }

  private static func text(_ path: String) -> String? {
    FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
  }
}
