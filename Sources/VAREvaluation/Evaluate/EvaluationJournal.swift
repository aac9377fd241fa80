import Foundation
import TensorBytes
import VARModel

/// What an evaluation has done so far, a line of JSON a picture, so that it can be taken up again.
package final class EvaluationJournal {
  private struct Entry: Codable {
    let image: String
    let label: ClassLabel
    let score: ImageScore
  }

  private let path: String
  private let handle: FileHandle
  private var done: [String: Entry] = [:]

  /// Opens the journal; one with another heading (model, mode, fit) is begun anew.
  package init(path: String, heading: String) throws {
    self.path = path
    let content = FileManager.default.contents(atPath: path) ?? Data()
    let lines = content.split(separator: UInt8(ascii: "\n"))
    if let first = lines.first, first.elementsEqual(heading.utf8) {
      for line in lines.dropFirst() {
        // A line that was cut short by an interruption is left out.
        guard let entry = try? JSONDecoder().decode(Entry.self, from: line) else { continue }
        done[entry.image] = entry
      }
      handle = try Self.open(path)
      if content.last != UInt8(ascii: "\n") { try handle.write(contentsOf: Data("\n".utf8)) }
    } else {
      try Folder.attempt("write", path) {
        try Data((heading + "\n").utf8).write(to: URL(filePath: path))
      }
      handle = try Self.open(path)
    }
  }

  private static func open(_ path: String) throws -> FileHandle {
    try Folder.attempt("write", path) {
      let handle = try FileHandle(forWritingTo: URL(filePath: path))
      try handle.seekToEnd()
      return handle
    }
  }

  /// The score of a picture that is done.
  package func score(of item: LabelledImages.Item) -> ImageScore? {
    guard let entry = done[item.name], entry.label == item.label else { return nil }
    return entry.score
  }

  /// Keeps a score.
  package func add(_ score: ImageScore, of item: LabelledImages.Item) throws {
    let entry = Entry(image: item.name, label: item.label, score: score)
    try handle.write(contentsOf: JSONEncoder().encode(entry) + Data("\n".utf8))
  }

  /// Removes the journal once the result is written.
  package func remove() throws {
    try handle.close()
    try FileManager.default.removeItem(atPath: path)
  }
}
