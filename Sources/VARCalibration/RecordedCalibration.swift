package import VARCompute
package import VARConversion
internal import VARModel
internal import VARQuant

/// A calibration as a file's metadata records it, to be run again.
package struct RecordedCalibration: Sendable {
  /// What it was run by.
  package let options: CalibrationOptions
  /// The instruction set that it was computed with.
  package let level: CPULevel?
  /// The name of that, which may be one that this program doesn't know.
  package let levelName: String
  /// Whether pictures of a folder were used, whose files are not recorded.
  package let usesFolder: Bool

  /// Reads what a file says; nil for one that was not calibrated.
  /// - Parameter folder: the pictures, of a file that was calibrated by some.
  package init?(_ rederivation: Rederivation, folder: String? = nil) {
    let metadata = rederivation.file.file.metadata
    guard metadata["convert.calibration"] != nil else { return nil }
    func text(_ key: String) -> String {
      (try? metadata.string("convert.calibration." + key)) ?? ""
    }
    func number(_ key: String) -> UInt64 {
      (try? metadata.unsigned("convert.calibration." + key)) ?? 0
    }
    usesFolder = text("pictures") == "images"
    options = CalibrationOptions(
      usesFolder ? .folder(folder ?? "") : .drawn,
      count: Int(clamping: max(1, min(number("images"), 1 << 20))), seed: number("seed"))
    levelName = text("cpu")
    level = CPULevel(rawValue: levelName)
  }
}
