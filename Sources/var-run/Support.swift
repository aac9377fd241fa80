import Foundation
import VARCore
import VARQuant

extension Model {
  /// The path of its file, as it was given.
  var path: String { file.path }
}

extension String {
  /// A path's file name without folder and extension.
  var stem: String { URL(filePath: self).deletingPathExtension().lastPathComponent }

  /// A path with its extension replaced: `a/b.png` and `-x.png` give `a/b-x.png`.
  func replacingSuffix(_ suffix: String) -> String {
    let name = URL(filePath: self).pathExtension
    return (name.isEmpty ? self : String(dropLast(name.count + 1))) + suffix
  }
}
