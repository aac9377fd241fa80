import Foundation
package import TensorBytes
package import VARImages

/// What made a file that holds something of all pictures of a run: enough to know it again.
package struct RunRecord: Codable, Equatable, Sendable {
  /// Keyword of the text chunk, and key of the JSON.
  package static let keyword = "var-run-all"

  /// What the file holds.
  package enum Content: String, Codable, Sendable {
    case grid
    case stages
    case animation
    case tokens
  }

  /// What the file holds.
  package var content: Content
  /// Pictures a row, where that is not as usual.
  package var columns: Int?
  /// True where scales are shown by a map of f̂ instead of a decoding.
  package var fast: Bool?
  /// What was asked for, of every picture.
  package var classes: [String]
  /// The first picture; the others have the same options, and seeds that count on from its seed.
  package var first: PictureRecord

  /// Tells of a file.
  package init(
    _ content: Content, columns: Int? = nil, fast: Bool = false, classes: [String],
    first: PictureRecord
  ) {
    self.content = content
    self.columns = columns
    self.fast = fast ? true : nil
    self.classes = classes
    self.first = first
  }

  /// The text chunks of a picture.
  package var texts: [ImageText] {
    get throws { ImageText.software + [ImageText(keyword: Self.keyword, text: try json)] }
  }

  /// The record on one line.
  package var json: String {
    get throws { try Self.json(self) }
  }

  /// How a file stands to the one that this record is of.
  package func standing(of path: String) -> Standing {
    let text =
      content == .tokens
      ? TokensFile.record(path)
      : (try? ImageText.list(of: path))?.first { $0.keyword == Self.keyword }?.text
    return Self.standing(text, first) { (record: inout RunRecord) in
      record.first.version = first.version
      return record == self
    }
  }

  /// Compares what a file says with what it would say.
  static func standing<Record: Decodable>(
    _ text: String?, _ picture: PictureRecord, _ isSame: (inout Record) -> Bool
  ) -> Standing {
    // Which pixels of another picture were put back is not recorded.
    guard let text, picture.edit?.isComposite != true,
      (try? JSONCost.check(Array(text.utf8))) != nil,
      var record = try? JSONDecoder().decode(Record.self, from: Data(text.utf8))
    else { return .foreign }
    return isSame(&record) ? .same : .otherArguments
  }

  static func json(_ record: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(record), as: UTF8.self)
  }
}

extension PictureRecord {
  /// How a file stands to the picture that this record is of; versions don't count.
  package func standing(of path: String) -> Standing {
    let texts = try? ImageText.list(of: path)
    let text = texts?.first { $0.keyword == Self.keyword }?.text
    return RunRecord.standing(text, self) { (record: inout PictureRecord) in
      record.version = version
      return record == self
    }
  }
}
