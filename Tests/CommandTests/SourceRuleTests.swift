import Foundation
import TestSupport
import Testing

/// Rules of the house that the compiler cannot hold.
@Suite struct SourceRuleTests {
  /// The standard library's print drops what a full disk does not take, Foundation's handles trap.
  @Test func everythingIsPrintedThroughTheConsole() throws {
    let files = try #require(FileManager.default.enumerator(atPath: Repository.file("Sources")))
    var count = 0
    for case let file as String in files where file.hasSuffix(".swift") {
      count += 1
      let text = try String(contentsOfFile: Repository.file("Sources/" + file), encoding: .utf8)
      for line in text.split(separator: "\n") {
        let prints = /(^|[^.\w])(print|debugPrint|dump|fputs|puts)\(/
        let declares = line.contains("func print(")
        let handles = /FileHandle\.standard(Output|Error)/
        #expect((declares || !line.contains(prints)) && !line.contains(handles), "\(file): \(line)")
      }
    }
    #expect(count > 100)
  }

  /// Files are written by the one door, which sees to it that nothing is lost.
  @Test func everythingIsWrittenThroughTheDoor() throws {
    let files = try #require(FileManager.default.enumerator(atPath: Repository.file("Sources")))
    for case let file as String in files
    where file.hasSuffix(".swift") && !file.hasPrefix("TensorBytes/Outputs/") {
      let text = try String(contentsOfFile: Repository.file("Sources/" + file), encoding: .utf8)
      let writes = /O_CREAT|O_TRUNC|forWritingTo|createFile|createDirectory|\.write\(to: URL/
      #expect(!text.contains(writes), "\(file)")
    }
  }
}
