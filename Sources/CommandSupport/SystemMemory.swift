import Foundation

/// Memory that this process can still take.
package enum SystemMemory {
  /// What the kernel calls available, or what the control group leaves, whichever is less; nil
  /// where neither is known.
  package static var available: Int? {
    [machine(text("/proc/meminfo")), controlGroup].compactMap { $0 }.min()
  }

  /// MemAvailable of /proc/meminfo in bytes.
  static func machine(_ meminfo: String?) -> Int? {
    let line = meminfo?.split(separator: "\n").first { $0.hasPrefix("MemAvailable:") }
    let fields = line?.split(separator: " ") ?? []
    guard fields.count == 3, fields[2] == "kB", let value = Int(fields[1]) else { return nil }
    return value.multipliedReportingOverflow(by: 1024).partialValue
  }

  /// The least that a control group (version 2) of this process, or one above it, leaves.
  private static var controlGroup: Int? {
    guard
      let line = text("/proc/self/cgroup")?.split(separator: "\n").first(where: {
        $0.hasPrefix("0::")
      })
    else { return nil }
    var path = String(line.dropFirst(3))
    var least: Int?
    while true {
      let folder = "/sys/fs/cgroup" + (path == "/" ? "" : path)
      if let left = left(in: folder) { least = min(least ?? left, left) }
      guard path.count > 1, let slash = path.lastIndex(of: "/") else { return least }
      path = slash == path.startIndex ? "/" : String(path[..<slash])
    }
  }

  /// Limit minus use; cached file pages don't count, since they give way.
  private static func left(in folder: String) -> Int? {
    guard let limit = number(text(folder + "/memory.max")),
      let used = number(text(folder + "/memory.current"))
    else { return nil }
    let lines = text(folder + "/memory.stat")?.split(separator: "\n") ?? []
    let cached = lines.compactMap { line -> Int? in
      let fields = line.split(separator: " ")
      return fields.count == 2 && (fields[0] == "active_file" || fields[0] == "inactive_file")
        ? Int(fields[1]) : nil
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
