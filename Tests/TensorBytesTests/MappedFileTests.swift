internal import Platform
import TensorBytes
import TestSupport
import Testing

@Suite struct MappedFileTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test func lendsItsBytes() throws {
    let content = (0..<10_000).map { UInt8(truncatingIfNeeded: $0) }
    let file = try MappedFile(folder.write(content, to: "f"))
    file.adviseSequential()
    file.willNeed(0..<10_000)
    #expect(file.count == 10_000)
    #expect(try unsafe file.withBytes(in: 10..<13) { unsafe Array($0) } == [10, 11, 12])
    file.release(0..<10_000)
    #expect(try unsafe file.withBytes(in: 0..<10_000) { unsafe Array($0) } == content)
  }

  @Test func refusesBytesOutside() throws {
    let file = try MappedFile(folder.write([1, 2, 3], to: "f"))
    #expect(throws: FileError.outOfBounds(path: file.path, offset: 2, count: 2, size: 3)) {
      try unsafe file.withBytes(in: 2..<4) { $0.count }
    }
    #expect(throws: FileError.outOfBounds(path: file.path, offset: .min, count: .max, size: 3)) {
      try unsafe file.withBytes(in: .min ..< .max) { $0.count }
    }
    file.release(-5 ..< .max)
    file.willNeed(-5 ..< .max)
  }

  @Test func anEmptyFileHasNoBytes() throws {
    let file = try MappedFile(folder.write([], to: "f"))
    #expect(file.count == 0)
    #expect(try unsafe file.withBytes(in: 0..<0) { $0.count } == 0)
    file.release(0..<0)
  }

  @Test func refusesWhatIsNoFile() {
    #expect(throws: FileError.system(operation: "open", path: "/no/such", errno: ENOENT)) {
      try MappedFile("/no/such")
    }
    #expect(throws: FileError.notRegularFile(path: "/dev/null")) { try MappedFile("/dev/null") }
    #expect(throws: FileError.notRegularFile(path: folder.path)) { try MappedFile(folder.path) }
    let pipe = folder.file("pipe")
    #expect(unsafe mkfifo(pipe, 0o600) == 0)
    #expect(throws: FileError.notRegularFile(path: pipe)) { try MappedFile(pipe) }
    #expect(
      FileError.system(operation: "open", path: "x.pth", errno: ENOENT).description
        == "x.pth: cannot open: No such file or directory")
  }

  /// FIPS 180-4's examples, and the digest of a file larger than one piece.
  @Test func digests() throws {
    #expect(
      SHA256Digest.hex(try SHA256Digest.digest(of: Array("abc".utf8)))
        == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    #expect(
      SHA256Digest.hex(try SHA256Digest.digest(of: []))
        == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    let content = [UInt8](repeating: 97, count: 5_000_000)
    let file = try MappedFile(folder.write(content, to: "f"))
    #expect(try SHA256Digest.digest(of: file) == SHA256Digest.digest(of: content))
    #expect(
      try SHA256Digest.digest(of: file, in: 7..<9) == SHA256Digest.digest(of: Array("aa".utf8)))
  }
}
