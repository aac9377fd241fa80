import Foundation
package import TensorBytes
import VARModel

/// What an evaluation has done so far, a line of JSON a picture, so that it can be taken up again.
package final class EvaluationJournal {
  private struct Entry: Codable {
    let image: String
    let label: ClassLabel
    /// What the picture was when it was scored.
    let sha256: String
    let score: ImageScore
  }

  private let journal: OutputJournal
  private var done: [String: Entry] = [:]

  /// Opens the journal of an evaluation.
  /// - Parameter settings: everything besides the pictures that decides the scores, such as the
  ///   model's checksum and the arithmetic.
  /// - Throws: `OutputError`, also where the journal is of an evaluation by other settings.
  package init(_ file: OutputFile, settings: [String]) throws {
    journal = try OutputJournal(
      file, kind: "var-run evaluation", settings: settings.joined(separator: " "))
    for line in journal.lines {
      guard let entry = try? JSONDecoder().decode(Entry.self, from: Data(line)) else { continue }
      done[entry.image] = entry
    }
  }

  /// The score of a picture that is done, if neither its label nor its bytes have changed.
  package func score(of item: LabelledImages.Item) throws -> ImageScore? {
    guard let entry = done[item.name], entry.label == item.label else { return nil }
    return try Self.digest(item.path) == entry.sha256 ? entry.score : nil
  }

  /// Keeps a score.
  package func add(_ score: ImageScore, of item: LabelledImages.Item) throws {
    let entry = Entry(
      image: item.name, label: item.label, sha256: try Self.digest(item.path), score: score)
    try journal.append([UInt8](JSONEncoder().encode(entry)))
  }

  /// Removes the journal once the result is written.
  package func remove() { journal.remove() }

  /// SHA-256 of a file in hexadecimal.
  package static func digest(_ path: String) throws -> String {
    SHA256Digest.hex(try SHA256Digest.digest(of: MappedFile(path)))
  }
}
