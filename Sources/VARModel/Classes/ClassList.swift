/// Why a list of classes can't be understood.
package enum ClassListError: Error, Equatable, Sendable, CustomStringConvertible {
  /// An empty list, or an empty item within it.
  case empty
  /// An id outside the model's classes.
  case outOfRange(id: String, classes: Int)
  /// A name that the model hasn't, and those that resemble it.
  case unknownName(String, suggestions: [String])
  /// A name for several classes.
  case ambiguous(String, ids: [Int])
  /// A name, for a model without names.
  case noNames(String, classes: Int)

  /// The message for the user.
  package var description: String {
    switch self {
    case .empty:
      "the list of classes has an empty item; classes are ids, names, ranges such as 0-9, random, "
        + "or none"
    case .outOfRange(let id, let classes):
      "class \(id) does not exist; the model has the classes 0 to \(classes - 1)"
    case .unknownName(let name, let suggestions):
      "no class is named \"\(name)\""
        + (suggestions.isEmpty
          ? "" : "; did you mean " + suggestions.map { "\"\($0)\"" }.joined(separator: ", ") + "?")
    case .ambiguous(let name, let ids):
      "several classes are named \"\(name)\": \(ids.map(String.init).joined(separator: ", ")); "
        + "use one of these ids"
    case .noNames(let name, let classes):
      "the model has no class names, so \"\(name)\" means nothing to it; use ids, 0 to "
        + "\(classes - 1)"
    }
  }
}

/// Understands lists such as `3,7`, `0-9`, `red sneaker,none` and `random`.
package struct ClassList: Sendable {
  private let classes: Int
  private let names: [String]
  /// Ids by normalised name; a name with several synonyms is found under each.
  private let ids: [String: [Int]]

  /// Makes a list for a model; without a transformer there are no classes.
  package init(_ configuration: ModelConfiguration) {
    self.init(
      classes: configuration.transformer?.classes ?? 0, names: configuration.classNames)
  }

  /// Makes a list for a model with these classes; without names, ids alone are understood.
  package init(classes: Int, names: [String]) {
    self.classes = classes
    self.names = names
    var ids: [String: [Int]] = [:]
    for (id, name) in names.prefix(classes).enumerated() {
      let synonyms = name.split(separator: ",").map { Self.normalize($0) }
      for key in Set(synonyms + [Self.normalize(name)]) { ids[key, default: []].append(id) }
    }
    self.ids = ids
  }

  /// Every synonym of every name.
  var candidates: [String] {
    names.flatMap { $0.split(separator: ",").map(Self.trim) }
  }

  /// Reads a comma-separated list; names that hold commas themselves are recognised.
  /// - Throws: ``ClassListError``.
  package func parse(_ text: String) throws(ClassListError) -> [ClassChoice] {
    let pieces = text.split(separator: ",", omittingEmptySubsequences: false).map {
      Self.trim($0)
    }
    var choices: [ClassChoice] = []
    var index = 0
    while index < pieces.count {
      if let (id, length) = longName(pieces[index...]) {
        choices.append(.label(.id(id)))
        index += length
      } else {
        choices += try item(pieces[index])
        index += 1
      }
    }
    return choices
  }

  /// The class of a name; ids and lists are not understood here.
  /// - Throws: ``ClassListError``.
  package func label(named name: String) throws(ClassListError) -> ClassLabel {
    .id(try id(named: name))
  }

  /// Checks an id.
  /// - Throws: ``ClassListError/outOfRange(id:classes:)``.
  package func label(_ id: Int) throws(ClassListError) -> ClassLabel {
    guard (0..<classes).contains(id) else { throw .outOfRange(id: "\(id)", classes: classes) }
    return .id(id)
  }

  /// A name of two or more pieces at the start of `pieces`, the longest there is.
  private func longName(_ pieces: ArraySlice<String>) -> (id: Int, length: Int)? {
    for length in stride(from: min(pieces.count, 12), to: 1, by: -1) {
      let key = Self.normalize(pieces.prefix(length).joined(separator: ", "))
      if let found = ids[key], found.count == 1 { return (found[0], length) }
    }
    return nil
  }

  private func item(_ text: String) throws(ClassListError) -> [ClassChoice] {
    if text.isEmpty { throw .empty }
    switch text.lowercased() {
    case "none": return [.label(.unconditional)]
    case "random": return [.random]
    default: break
    }
    if text.allSatisfy(\.isASCIIDigit) { return [.label(.id(try id(text)))] }
    let ends = text.split(separator: "-", omittingEmptySubsequences: false).map(Self.trim)
    if ends.count == 2, ends.allSatisfy({ !$0.isEmpty && $0.allSatisfy(\.isASCIIDigit) }) {
      let (first, last) = (try id(ends[0]), try id(ends[1]))
      let ascending = min(first, last)...max(first, last)
      return (first <= last ? Array(ascending) : ascending.reversed()).map { .label(.id($0)) }
    }
    return [.label(.id(try id(named: text)))]
  }

  private func id(_ text: String) throws(ClassListError) -> Int {
    guard let id = Int(text), id < classes else { throw .outOfRange(id: text, classes: classes) }
    return id
  }

  private func id(named text: String) throws(ClassListError) -> Int {
    let found = ids[Self.normalize(text)] ?? []
    if found.count == 1 { return found[0] }
    if names.isEmpty { throw .noNames(text, classes: classes) }
    if found.isEmpty { throw .unknownName(text, suggestions: suggestions(for: text)) }
    throw .ambiguous(text, ids: found)
  }

  private static func trim(_ text: Substring) -> String {
    text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
  }

  /// Case, underscores and repeated blanks don't matter.
  static func normalize(_ text: some StringProtocol) -> String {
    text.lowercased().split { $0.isWhitespace || $0 == "_" }.joined(separator: " ")
  }
}

extension Character {
  fileprivate var isASCIIDigit: Bool { ("0"..."9").contains(self) }
}
