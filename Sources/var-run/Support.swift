import Foundation
import VARCore
import VARModel
import VARQuant

extension Model {
  /// The path of its file, as it was given.
  var path: String { file.path }

  /// Number of token maps of a picture.
  var scaleCount: Int { configuration.tokenizer?.patchNumbers.count ?? 0 }
}

extension ModelConfiguration {
  /// What a class is called, with its number where it has a name.
  func title(of label: ClassLabel) -> String {
    guard let id = label.id else { return "no class" }
    return classNames.indices.contains(id) ? "\(classNames[id]), class \(id)" : "class \(id)"
  }
}

extension String {
  /// A path's file name without folder and extension; the standard input is called a picture.
  var stem: String {
    self == "-" ? "picture" : URL(filePath: self).deletingPathExtension().lastPathComponent
  }

  /// The last component of a path.
  var fileName: String { URL(filePath: self).lastPathComponent }

  /// A path with its extension replaced: `a/b.png` and `-x.png` give `a/b-x.png`.
  func replacingSuffix(_ suffix: String) -> String {
    let name = URL(filePath: self).pathExtension
    return (name.isEmpty ? self : String(dropLast(name.count + 1))) + suffix
  }
}
