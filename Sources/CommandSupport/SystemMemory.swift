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

  private static var controlGroup: Int? {
    text("/proc/self/cgroup").flatMap { ControlGroup.left($0) }
  }

  private static func text(_ path: String) -> String? {
    FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
  }
}
