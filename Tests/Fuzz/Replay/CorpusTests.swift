import Foundation
import FuzzTargets
import TestSupport
import Testing

/// Every file that `make fuzz` began with or has found, fed to its reader again.
///
/// A reader that fails ends the process; the target is the one that is named last.
@Suite struct CorpusTests {
  @Test(arguments: FuzzTarget.allCases)
  func everyFileIsAnswered(target: FuzzTarget) throws {
    let folder = Repository.file("Tests/Fuzz/Corpus/" + target.rawValue)
    let names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    #expect(names.count > 3)
    for name in names {
      let file = try bytes(ofFile: folder + "/" + name)
      target.run(file)
      // Cut short, too: the ends of files are where readers look for more than there is.
      for length in stride(from: 0, to: file.count, by: max(1, file.count / 16)) {
        target.run(Array(file[..<length]))
      }
    }
  }
}
