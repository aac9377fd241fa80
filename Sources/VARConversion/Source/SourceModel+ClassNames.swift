internal import TensorBytes
internal import VARModel

extension SourceModel {
  /// Gives the classes their names: those of a file, one a line, or ImageNet's for 1000 classes.
  /// - Parameter path: a text in UTF-8; nil for those that the source has, else ImageNet's, where
  ///   they fit.
  /// - Throws: an error that says so if the names are not as many as the classes, or can't be read.
  public mutating func nameClasses(from path: String?) throws {
    guard let classes = configuration.transformer?.classes else {
      if path != nil { throw ConversionError.noClasses }
      return
    }
    if let path {
      configuration.classNames = try ClassNamesFile.names(path, classes: classes)
    } else if configuration.classNames.isEmpty, classes == ImageNet.classNames.count {
      configuration.classNames = ImageNet.classNames
    }
  }
}

/// A text file with the name of one class a line.
enum ClassNamesFile {
  /// The names, which must be as many as the classes.
  static func names(_ path: String, classes: Int) throws -> [String] {
    let names = try lines(of: path)
    guard names.count == classes else {
      throw ConversionError.classNames(path: path, count: names.count, classes: classes)
    }
    return names
  }

  /// The lines of a text file without their ends; an empty last one does not count.
  private static func lines(of path: String) throws -> [String] {
    var lines = try TextLines.read(MappedFile(path)).map { line in
      guard let text = String(validating: line, as: UTF8.self) else {
        throw ConversionError.notText(path: path)
      }
      return text
    }
    if lines.last == "" { lines.removeLast() }
    return lines
  }
}
