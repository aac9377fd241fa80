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
    let file = try MappedFile(path)
    let text = try unsafe file.withBytes(in: 0..<file.count) {
      unsafe String(validating: $0, as: UTF8.self)
    }
    guard let text else { throw ConversionError.notText(path: path) }
    // A byte order mark, as editors put in front, is no part of the first name. A carriage return
    // and a line feed are one character.
    var lines = text.trimmingPrefix("\u{feff}")
      .split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
      .map { String($0) }
    if lines.last == "" { lines.removeLast() }
    return lines
  }
}
