internal import Platform
import TensorBytes
import TestSupport
import Testing

@Suite struct AtomicFileWriterTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test func appearsWhenCommitted() throws {
    let path = folder.file("out")
    let writer = try AtomicFileWriter(path)
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
      let writer = try AtomicFileWriter(folder.file("out"))
      try writer.append([1])
    }
    #expect(try folder.names() == [])
  }

  @Test func replacesOnlyWhenAllowed() throws {
    let path = try folder.write([1], to: "out")
    #expect(throws: FileError.exists(path: path)) { try AtomicFileWriter(path) }
    let writer = try AtomicFileWriter(path, replacing: true)
    try writer.append([2])
    #expect(try bytes(ofFile: path) == [1])
    try writer.commit()
    #expect(try bytes(ofFile: path) == [2])
    #expect(try folder.names() == ["out"])
  }

  /// A file that appears while we write is not overwritten.
  @Test func doesNotOverwriteALatecomer() throws {
    let path = folder.file("out")
    let writer = try AtomicFileWriter(path)
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
    let writer = try AtomicFileWriter(link, replacing: true)
    try writer.append([2])
    try writer.commit()
    #expect(try bytes(ofFile: path) == [2])
    #expect(try folder.names() == ["link", "real"])
  }

  @Test func refusesBadTargets() throws {
    #expect(throws: FileError.notRegularFile(path: folder.path)) {
      try AtomicFileWriter(folder.path, replacing: true)
    }
    #expect(throws: FileError.notRegularFile(path: "/dev/null")) {
      try AtomicFileWriter("/dev/null", replacing: true)
    }
    let missing = FileError.system(
      operation: "create a file in its folder, /no/such", path: "/no/such/f", errno: ENOENT)
    #expect(throws: missing) { try AtomicFileWriter("/no/such/f") }
    let writer = try AtomicFileWriter(folder.file("out"))
    #expect(throws: FileError.outOfBounds(path: writer.path, offset: 0, count: 1, size: 0)) {
      try writer.overwrite([1], at: 0)
    }
  }
}
