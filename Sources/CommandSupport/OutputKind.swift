package import ArgumentParser
import Foundation

/// What a command writes to a file, and by which suffixes such files go.
package enum OutputKind {
  /// A PNG.
  case picture
  /// A PNG or GIF that moves: by its suffix it is told which, so that it must have one.
  case animation
  /// Facts, figures or tokens.
  case json
  /// A report to look at.
  case page

  private var suffixes: [String] {
    switch self {
    case .picture: ["png"]
    case .animation: ["png", "apng", "gif"]
    case .json: ["json"]
    case .page: ["html", "htm"]
    }
  }

  private var name: String {
    switch self {
    case .picture: "PNG"
    case .animation: "PNG or GIF"
    case .json: "JSON"
    case .page: "HTML"
    }
  }

  /// Suffixes that say what a file is.
  private static let known: Set<String> = [
    "png", "apng", "gif", "jpg", "jpeg", "webp", "bmp", "tif", "tiff", "avif", "heic", "jxl", "ppm",
    "svg", "pdf", "html", "htm", "mp4", "webm", "mov", "mkv", "avi", "json", "csv", "txt", "varq",
    "pth", "pt",
    "safetensors",
  ]

  /// Whether a path's suffix says that it is a file of some kind, and no folder.
  package static func isFileName(_ path: String) -> Bool { known.contains(suffix(of: path)) }

  /// Refuses a name that says that the file is something else, so that no PNG is called `.jpg`.
  /// - Parameters:
  ///   - path: what an option was given; nil if nothing.
  ///   - json: whether `--json` was given, for which `-` leaves no room.
  package func check(
    _ path: String?, _ option: String = "--output", json: Bool = false
  ) throws(ValidationError) {
    guard let path else { return }
    if path.isEmpty { throw ValidationError("\(option) needs a path.") }
    if path == "-" {
      guard json else { return }
      throw ValidationError("--json prints to the standard output, which - already uses.")
    }
    let suffix = Self.suffix(of: path)
    if suffixes.contains(suffix) || path.hasSuffix("/") { return }
    if suffix.isEmpty, self == .animation {
      throw ValidationError("\(option) needs a name that ends in .png, .apng or .gif.")
    }
    guard self == .animation || Self.isFileName(path) else { return }
    throw ValidationError("\(option) writes \(name), not .\(suffix).")
  }

  private static func suffix(of path: String) -> String {
    URL(filePath: path).pathExtension.lowercased()
  }
}
