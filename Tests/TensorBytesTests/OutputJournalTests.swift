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
    return try OutputJournal(outputs.journal(folder.file("j")), heading: heading)
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
}
