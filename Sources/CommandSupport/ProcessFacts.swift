import Foundation

/// What Linux says about this process; see proc(5).
package enum ProcessFacts {
  /// The largest resident set so far, in bytes; 0 where the system doesn't tell.
  package static var peakResidentBytes: Int {
    let lines = text("/proc/self/status").split(separator: "\n")
    let fields = lines.first { $0.hasPrefix("VmHWM:") }?.split(separator: " ")
    return (fields?.dropFirst().first.flatMap { Int($0) } ?? 0) * 1024
  }

  /// Seconds since the kernel started the process, in steps of a clock tick (10 ms).
  package static var secondsSinceStart: Double? {
    // The name in parentheses may hold spaces; field 22 is the 20th after it.
    let fields = text("/proc/self/stat").split(separator: ")").last?.split(separator: " ") ?? []
    let uptime = text("/proc/uptime").split(separator: " ").first.flatMap { Double($0) }
    guard fields.count > 19, let ticks = Double(fields[19]), let uptime else { return nil }
    return uptime - ticks / Double(sysconf(Int32(_SC_CLK_TCK)))
  }

  private static func text(_ path: String) -> String {
    (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
  }
}
