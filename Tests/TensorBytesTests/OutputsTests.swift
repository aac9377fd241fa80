internal import Platform
import TensorBytes
import TestSupport
import Testing

/// What the door refuses, before anything is written.
@Suite struct OutputsTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func refusal(
    _ path: String, in parent: String? = nil, reading inputs: [String] = [],
    replacing: Replacement = .always, after: [String] = []
  ) throws -> OutputError? {
    let outputs = Outputs(reading: inputs, replacing: replacing, streaming: true)
    for path in after { _ = try outputs.file(path) }
    do throws(OutputError) { _ = try outputs.file(path, in: parent) } catch { return error }
    return nil
  }

  /// A file of the folder, and other names for it.
  private func names(of name: String, exists: Bool) throws -> [String] {
    let path = folder.file(name)
    #expect(unsafe symlink(name, folder.file("soft")) == 0)
    #expect(unsafe symlink("soft", folder.file("softer")) == 0)
    #expect(unsafe symlink(".", folder.file("here")) == 0)
    if exists { #expect(unsafe link(path, folder.file("hard")) == 0) }
    return [
      path, folder.path + "/./" + name, folder.path + "//here/./here/" + name, folder.file("soft"),
      folder.file("softer"), folder.file("here/softer"),
    ] + (exists ? [folder.file("hard")] : [])
  }

  @Test func noInputIsReplaced() throws {
    let path = try folder.write([1], to: "model")
    for name in try names(of: "model", exists: true) {
      #expect(try refusal(name, reading: [path]) == .isInput(path: name, input: path))
      #expect(try refusal(path, reading: [name]) == .isInput(path: path, input: name))
    }
    #expect(try refusal(folder.file("new"), reading: [path, "/no/such/file"]) == nil)
  }

  @Test(arguments: [true, false])
  func noFileIsWrittenTwice(exists: Bool) throws {
    let path = folder.file("a")
    if exists { try folder.write([1], to: "a") }
    for name in try names(of: "a", exists: exists) {
      #expect(try refusal(name, after: [path]) == .twice(path: name, other: path))
    }
    #expect(try refusal("/dev/stdout", after: ["-"]) == .twice(path: "-", other: "-"))
  }

  @Test func filesAndFoldersAreTold() throws {
    let file = try folder.write([1], to: "file")
    #expect(unsafe symlink(folder.path, folder.file("link")) == 0)
    for path in [folder.path, folder.path + "/", folder.file("new/"), "", ".", "..", "/"] {
      #expect(try refusal(path) == .isFolder(path: path))
    }
    #expect(try refusal(folder.file("link")) == .isFolder(path: folder.file("link")))
    #expect(try refusal("0.png", in: file) == .isNoFolder(path: file))
    let long = String(repeating: "a", count: 256)
    #expect(
      try refusal(long) == .file(.system(operation: "name", path: long, errno: ENAMETOOLONG)))
    #expect(try refusal("0.png", in: "") == .isNoFolder(path: ""))
    #expect(try refusal("0.png", in: file + "/deeper/") != nil)
    #expect(try refusal(file + "/x") == .isNoFolder(path: file))
    #expect(try refusal("/dev/null") == .file(.notRegularFile(path: "/dev/null")))
    let outputs = Outputs(reading: [])
    _ = try outputs.files(in: folder.file("new"), named: ["0.png", "1.png"])
    #expect(throws: OutputError.isFolder(path: folder.file("new"))) {
      try outputs.file(folder.file("new"))
    }
    _ = try outputs.file(folder.file("later"))
    #expect(throws: OutputError.isNoFolder(path: folder.file("later"))) {
      try outputs.file("0.png", in: folder.file("later"))
    }
  }

  @Test func foldersAreMadeWithTheFirstFile() throws {
    let outputs = Outputs(reading: [])
    let files = try outputs.files(in: folder.file("a/b"), named: ["0", "1"])
    #expect(try folder.names() == [])
    for file in files { try file.write([1]) }
    #expect(try bytes(ofFile: folder.file("a/b/1")) == [1])
    #expect(throws: OutputError.self) { try outputs.file(folder.file("c/d")) }
  }

  @Test func existingFilesStayUnlessTheyAreOfTheSameMaking() throws {
    let path = try folder.write([1], to: "a")
    #expect(try refusal(path, replacing: .never) == .exists(path: path, .unknown))
    for standing in [Standing.foreign, .otherArguments] {
      #expect(
        try refusal(path, replacing: .ifSame { _ in standing }) == .exists(path: path, standing))
    }
    #expect(try refusal(path, replacing: .ifSame { _ in .same }) == nil)
    #expect(try refusal(path, replacing: .always) == nil)
  }

  @Test func aFolderThatCannotBeWrittenToIsTold() throws {
    #expect(
      try refusal("/no/such/f")
        == .file(
          .system(
            operation: "create a file in its folder, /no/such", path: "/no/such/f", errno: ENOENT)))
    #expect(unsafe symlink("loop", folder.file("loop")) == 0)
    #expect(try refusal(folder.file("loop")) != nil)
    guard geteuid() != 0 else { return }
    #expect(unsafe chmod(folder.path, 0o500) == 0)
    defer { _ = unsafe chmod(folder.path, 0o700) }
    #expect(try refusal(folder.file("a")) != nil)
    #expect(try refusal("0.png", in: folder.file("new")) != nil)
  }
}
