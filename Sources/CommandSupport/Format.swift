import Foundation

/// Numbers as people read them.
package enum Format {
  /// Bytes in decimal units: 512 B, 3.1 kB, 440 MB, 1.24 GB.
  package static func bytes(_ count: Int) -> String {
    var value = Double(count)
    for unit in ["B", "kB", "MB", "GB", "TB"] {
      if abs(value) < 999.5 || unit == "TB" {
        return unit == "B" ? "\(count) B" : significant(value) + " " + unit
      }
      value /= 1000
    }
    return "\(count) B"
  }

  /// Seconds as 0.42 s, 12 s, 3 min 20 s or 2 h 5 min.
  package static func duration(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds >= 0, seconds < 1e9 else { return "unknown" }
    if seconds < 9.95 { return significant(seconds) + " s" }
    let whole = Int(seconds.rounded())
    if whole < 60 { return "\(whole) s" }
    if whole < 3600 { return "\(whole / 60) min \(whole % 60) s" }
    return "\(whole / 3600) h \(whole % 3600 / 60) min"
  }

  /// A number with a fixed count of decimals, independent of the locale.
  package static func fixed(_ value: Double, _ decimals: Int) -> String {
    String(format: "%.\(decimals)f", value)
  }

  /// A number with two decimals and an exponent: 1.23e-05.
  package static func scientific(_ value: Double) -> String { String(format: "%.2e", value) }

  /// A power of ten: 1e-12.
  package static func power(_ value: Double) -> String { String(format: "%.0e", value) }

  /// A count with its noun: "1 image", "3 images".
  package static func count(_ count: Int, _ noun: String) -> String {
    "\(count) \(noun)\(count == 1 ? "" : "s")"
  }

  /// Three significant digits.
  private static func significant(_ value: Double) -> String {
    fixed(value, abs(value) < 9.995 ? 2 : abs(value) < 99.95 ? 1 : 0)
  }
}
