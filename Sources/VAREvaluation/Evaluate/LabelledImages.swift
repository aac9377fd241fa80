import Foundation
package import TensorBytes
package import VARModel

/// The pictures of a data set and their classes, in a fixed order.
package struct LabelledImages {
  /// One picture.
  package struct Item {
    /// Relative to the folder.
    package let name: String
    /// Where it is.
    package let path: String
    /// Its class.
    package let label: ClassLabel
  }

  /// In the order of the folder or table.
  package let items: [Item]

  private static let longestClass = 1024
  private static let suffixes: Set<String> = ["png", "jpg", "jpeg"]

  /// Lists pictures in sub-folders that are named by class id or name.
  /// - Parameter needsLabels: refuse pictures that lie directly in the folder, instead of taking
  ///   them as unconditional.
  package init(folder: String, needsLabels: Bool, _ configuration: ModelConfiguration) throws {
    let list = ClassList(configuration)
    var items: [Item] = []
    for name in try Folder.list(folder) {
      let path = folder + "/" + name
      if Self.isPicture(name) {
        if needsLabels { throw LabelError.noLabels(folder: folder) }
        items.append(Item(name: name, path: path, label: .unconditional))
      } else if name.contains("\u{FFFD}"), !FileManager.default.fileExists(atPath: path) {
        // Perhaps a folder, which would be left out without a word.
        throw FileError.foreignName(path: path)
      } else if Folder.exists(path) {
        let pictures = try Folder.list(path).filter(Self.isPicture)
        if pictures.isEmpty { continue }
        let label = try Self.label(name, list, place: path)
        items += pictures.map { Item(name: "\(name)/\($0)", path: "\(path)/\($0)", label: label) }
      }
    }
    guard !items.isEmpty else { throw LabelError.noImages(folder: folder) }
    self.items = items
  }

  /// Lists the pictures of a table `path,class`; paths are relative to the folder.
  package init(folder: String, table: String, _ configuration: ModelConfiguration) throws {
    try self.init(folder: folder, table: MappedFile(table), ClassList(configuration))
  }

  /// Lists the pictures of a mapped table.
  package init(folder: String, table file: MappedFile, _ list: ClassList) throws {
    let table = file.path
    var items: [Item] = []
    // Most rows have the class of another.
    var labels: [String: ClassLabel] = [:]
    for (index, line) in try TextLines.read(file).enumerated() {
      guard let fields = LabelTable.fields(line) else {
        throw LabelError.quote(table: table, line: index + 1)
      }
      if fields == [""] || (index == 0 && fields.map { $0.lowercased() } == ["path", "class"]) {
        continue
      }
      guard fields.count >= 2, !fields[0].isEmpty else {
        throw LabelError.row(table: table, line: index + 1)
      }
      let name = fields[0]
      let text = fields.dropFirst().joined(separator: ",")
      let label =
        try labels[text] ?? Self.label(text, list, place: "\(table), line \(index + 1)")
      labels[text] = label
      items.append(
        Item(name: name, path: name.hasPrefix("/") ? name : folder + "/" + name, label: label))
    }
    guard !items.isEmpty else { throw LabelError.noImages(folder: table) }
    self.items = items
  }

  private init(items: [Item]) { self.items = items }

  /// Not more than `limit` of them, evenly spaced.
  package func limited(to limit: Int?) -> LabelledImages {
    guard let limit, limit < items.count else { return self }
    return LabelledImages(items: (0..<limit).map { items[$0 * items.count / limit] })
  }

  private static func label(
    _ text: String, _ list: ClassList, place: String
  ) throws -> ClassLabel {
    // A list of many ranges of many classes would only be counted.
    guard text.utf8.count <= longestClass else { throw LabelError.notOneClass(text, place: place) }
    do {
      let choices = try list.parse(text)
      guard choices.count == 1, case .label(let label) = choices[0] else {
        throw LabelError.notOneClass(text, place: place)
      }
      return label
    } catch let error as ClassListError {
      throw LabelError.unknown(error, place: place)
    }
  }

  private static func isPicture(_ name: String) -> Bool {
    suffixes.contains(URL(filePath: name).pathExtension.lowercased())
  }
}

/// Why a data set's labels can't be used.
package enum LabelError: Error, Equatable, CustomStringConvertible {
  /// No picture was found in a folder or table.
  case noImages(folder: String)
  /// No picture could be read.
  case noneReadable(count: Int)
  /// Pictures lie directly in the folder.
  case noLabels(folder: String)
  /// A quote stands where none may, or is not closed.
  case quote(table: String, line: Int)
  /// A line lacks a field.
  case row(table: String, line: Int)
  /// A class that the model hasn't.
  case unknown(ClassListError, place: String)
  /// Several classes, or a random one.
  case notOneClass(String, place: String)

  /// The message for the user.
  package var description: String {
    switch self {
    case .noImages(let folder):
      "\(folder) holds no PNG or JPEG files"
    case .noneReadable(let count):
      "none of the \(count) images can be read"
    case .noLabels(let folder):
      "the images in \(folder) have no classes: they are not in sub-folders named by class id or name"
    case .quote(let table, let line):
      "\(table), line \(line): a double quote must begin and end its field, and be two within it"
    case .row(let table, let line):
      "\(table), line \(line): not of the form path,class"
    case .unknown(let error, let place):
      "\(place): \(error)"
    case .notOneClass(let text, let place):
      "\(place): \"\(text)\" is not one class"
    }
  }
}
