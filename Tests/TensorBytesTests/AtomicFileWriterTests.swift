internal import Platform
import TensorBytes
import TestSupport
import Testing

@Suite struct AtomicFileWriterTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test func appearsWhenCommitted() throws {
    let path = folder.file("out")
    let writer = try AtomicFileWriter(fresh("out"))
    try writer.append([1, 2, 3])
    try writer.pad(to: 8)
    try writer.append([9])
    try writer.overwrite([7, 7], at: 1)
    #expect(writer.count == 9)
    #expect(try !folder.names().contains("out"))
    try writer.commit()
    #expect(try folder.names() == ["out"])
    #expect(try bytes(ofFile: path) == [1, 7, 7, 0, 0, 0, 0, 0, 9])
    #expect(throws: FileError.closed(path: path)) { try writer.append([1]) }
    #expect(throws: FileError.closed(path: path)) { try writer.commit() }
  }

  @Test func leavesNothingWhenGivenUp() throws {
    do {
      let writer = try AtomicFileWriter(fresh("out"))
      try writer.append([1])
    }
    #expect(try folder.names() == [])
  }

  @Test func replacesOnlyWhenAllowed() throws {
    let path = try folder.write([1], to: "out")
    #expect(throws: OutputError.exists(path: path, .unknown)) { try fresh("out") }
    let writer = try AtomicFileWriter(output(path))
    try writer.append([2])
    #expect(try bytes(ofFile: path) == [1])
    try writer.commit()
    #expect(try bytes(ofFile: path) == [2])
    #expect(try folder.names() == ["out"])
  }

  /// A file that appears while we write is not overwritten.
  @Test func doesNotOverwriteALatecomer() throws {
    let path = folder.file("out")
    let writer = try AtomicFileWriter(fresh("out"))
    try writer.append([2])
    try folder.write([1], to: "out")
    #expect(throws: FileError.exists(path: path)) { try writer.commit() }
    #expect(try bytes(ofFile: path) == [1])
    #expect(try folder.names() == ["out"])
  }

  @Test func followsALinkToItsFile() throws {
    let path = try folder.write([1], to: "real")
    let link = folder.file("link")
    #expect(unsafe symlink(path, link) == 0)
    let writer = try AtomicFileWriter(output(link))
    try writer.append([2])
    try writer.commit()
    #expect(try bytes(ofFile: path) == [2])
    #expect(try folder.names() == ["link", "real"])
  }

  /// A link that names nothing yet stays, and what it names is made.
  @Test func makesTheFileThatALinkNames() throws {
    #expect(unsafe symlink("new", folder.file("link")) == 0)
    let writer = try AtomicFileWriter(fresh("link"))
    try writer.append([2])
    try writer.commit()
    #expect(try bytes(ofFile: folder.file("new")) == [2])
    #expect(try folder.names() == ["link", "new"])
  }

  @Test(arguments: [true, false])
  func keepsThePermissionsOfAReplacedFile(unnamed: Bool) throws {
    let path = try folder.write([1], to: "out")
    for mode: mode_t in [0o600, 0o640, 0o666] {
      #expect(unsafe chmod(path, mode) == 0)
      let writer = try AtomicFileWriter(output(path), unnamed: unnamed)
      try writer.append([2])
      try writer.commit()
      var status = stat()
      #expect(unsafe stat(path, &status) == 0)
      #expect(status.st_mode & 0o7777 == mode)
    }
  }

  /// A file that was looked into and found good to replace may not be another one by the end.
  @Test(arguments: [true, false])
  func replacesOnlyTheFileThatWasLookedInto(unnamed: Bool) throws {
    let path = try folder.write([1], to: "out")
    let door = Outputs(reading: [], replacing: .ifSame { _ in .same })
    let first = try AtomicFileWriter(door.file(path), unnamed: unnamed)
    try first.commit()
    #expect(try bytes(ofFile: path) == [])
    let file = try Outputs(reading: [], replacing: .ifSame { _ in .same }).file(path)
    let second = try AtomicFileWriter(file, unnamed: unnamed)
    try folder.write([7, 7], to: "out")
    #expect(throws: FileError.exists(path: path)) { try second.commit() }
    #expect(try bytes(ofFile: path) == [7, 7])
    #expect(try folder.names() == ["out"])
  }

  @Test func aHiddenNameDoesWhereThereIsNoOther() throws {
    let writer = try AtomicFileWriter(fresh("out"), unnamed: false)
    try writer.append([1])
    let name = try #require(try folder.names().first)
    #expect(name.hasPrefix(".out.") && name.hasSuffix(".tmp"))
    try writer.commit()
    #expect(try folder.names() == ["out"])
    do { _ = try AtomicFileWriter(output(folder.file("out")), unnamed: false) }
    #expect(try folder.names() == ["out"])
  }

  /// What a killed process has left is cleared away; what a living one writes is not.
  @Test func leftTemporariesGo() throws {
    for name in [".out.0abc.tmp", ".out.bak.0abc.tmp", ".other.0abc.tmp"] {
      try folder.write([1], to: name)
    }
    let living = try AtomicFileWriter(output(folder.file("out")), unnamed: false)
    try AtomicFileWriter(output(folder.file("out")), unnamed: false).commit()
    #expect(try folder.names().count == 4, "two that are not ours, the result, and the living one")
    try living.commit()
    #expect(try folder.names() == [".other.0abc.tmp", ".out.bak.0abc.tmp", "out"])
  }

  @Test func nothingIsWrittenOutsideTheFile() throws {
    let writer = try AtomicFileWriter(fresh("out"))
    #expect(throws: FileError.outOfBounds(path: writer.path, offset: 0, count: 1, size: 0)) {
      try writer.overwrite([1], at: 0)
    }
    #expect(throws: FileError.notRegularFile(path: "standard output")) {
      try AtomicFileWriter(Outputs(reading: [], streaming: true).file("-"))
    }
  }

  /// A file that must not exist yet.
  private func fresh(_ name: String) throws -> OutputFile {
    try Outputs(reading: []).file(folder.file(name))
  }
}
