import CommandSupport
import Foundation
import TensorBytes
import VARCore
import VARModel
import VARQuant

extension Model {
  /// The path of its file, as it was given.
  var path: String { file.path }

  /// SHA-256 over header and tensor table, in hexadecimal.
  var checksumText: String { SHA256Digest.hex(file.checksum) }
}

extension ImageText {
  /// The chunk that names this program.
  static let software = [ImageText(keyword: "Software", text: "var-run \(Version.current)")]
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
