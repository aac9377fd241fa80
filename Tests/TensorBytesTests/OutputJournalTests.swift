import Foundation
import TensorBytes
import TestSupport
import Testing

@Suite struct OutputJournalTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func open(
    _ heading: String, replacing: Replacement = .never
  ) throws -> OutputJournal {
    let outputs = Outputs(reading: [], replacing: replacing)
    let words = heading.split(separator: " ").map(String.init)
    return try OutputJournal(
      outputs.journal(folder.file("j")), kind: words[0], settings: words[1])
  }

  @Test func goesOnWhereItStopped() throws {
    do {
      let journal = try open("work 1")
      #expect(journal.lines == [])
      try journal.append([65])
      try journal.append([66, 66])
    }
    // Cut short by an interruption.
    let bytes = try bytes(ofFile: folder.file("j"))
    try folder.write(Array(bytes.dropLast()), to: "j")
    let journal = try open("work 1")
    #expect(journal.lines == [[65]])
    try journal.append([67])
    #expect(try TestSupport.bytes(ofFile: folder.file("j")) == Array("work 1\nA\nC\n".utf8))
    journal.remove()
    #expect(try folder.names() == [])
  }

  @Test func isForOneWorkAtATime() throws {
    let path = folder.file("j")
    let journal = try open("work 1")
    #expect(throws: OutputError.busy(path: path)) { try open("work 1") }
    try journal.append([65])
  }

  @Test func otherWorkIsNotLost() throws {
    let path = folder.file("j")
    do { try open("work 1").append([65]) }
    #expect(throws: OutputError.exists(path: path, .otherArguments)) { try open("work 2") }
    #expect(try open("work 1").lines == [[65]])
    #expect(try open("work 2", replacing: .always).lines == [])
    #expect(try bytes(ofFile: path) == Array("work 2\n".utf8))
    #expect(throws: OutputError.isInput(path: path, input: path)) {
      try Outputs(reading: [path], replacing: .always).journal(path)
    }
  }

  /// Somebody's file in the journal's place stays, whatever may be replaced.
  @Test(arguments: ["a letter\n", "wo", "work", "working 1\n", "\nwork 1\n"])
  func aFileThatIsNoJournalIsNotTaken(content: String) throws {
    let path = try folder.write(Array(content.utf8), to: "j")
    if "work 1".hasPrefix(content) {
      // What an interruption leaves of a heading.
      #expect(try open("work 1", replacing: .always).lines == [])
      return
    }
    for replacing in [Replacement.never, .always] {
      #expect(throws: OutputError.isNoJournal(path: path, kind: "work")) {
        try open("work 1", replacing: replacing)
      }
      #expect(try bytes(ofFile: path) == Array(content.utf8))
    }
  }

  /// A file that took the journal's name while the work went on stays.
  @Test func onlyItselfIsRemoved() throws {
    let journal = try open("work 1")
    try FileManager.default.removeItem(atPath: folder.file("j"))
    try folder.write([1, 2], to: "j")
    journal.remove()
    #expect(try bytes(ofFile: folder.file("j")) == [1, 2])
  }
}
