import Foundation
import TestSupport
import Testing
import VAR

@Suite struct ModelLocatorTests {
  private let folder: TemporaryFolder
  private let demo = "models/fashion-var/fashion-var.varq"

  init() throws { folder = try TemporaryFolder() }

  private func locator(
    named: String? = nil, environment: String? = nil, executable: String, in place: String = "here"
  ) -> ModelLocator {
    ModelLocator(
      named: named, environment: environment, executable: folder.file(executable),
      folder: folder.file(place))
  }

  private func make(_ path: String) throws -> String {
    let url = URL(filePath: folder.file(path))
    try FileManager.default.createDirectory(
      at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data().write(to: url)
    return url.standardizedFileURL.path(percentEncoded: false)
  }

  @Test func aNamedModelWins() throws {
    let both = locator(named: "a.varq", environment: "b.varq", executable: "bin/var-run")
    #expect(try both.path() == "a.varq")
    #expect(try locator(environment: "b.varq", executable: "bin/var-run").path() == "b.varq")
  }

  @Test func theDemoModelIsFoundWhereItMayBe() throws {
    let checkout = try make("checkout/" + demo)
    #expect(
      try locator(executable: "checkout/.build/x86_64/release/var-run").path() == checkout)
    #expect(try locator(executable: "bin/var-run", in: "checkout").path() == checkout)
    let installed = try make("usr/share/var-swift/fashion-var.varq")
    #expect(
      try locator(environment: "", executable: "usr/bin/var-run", in: "checkout").path()
        == installed)
  }

  @Test func theErrorNamesThePlaces() {
    let root = URL(filePath: folder.path).standardizedFileURL.path(percentEncoded: false)
    let base = root.hasSuffix("/") ? String(root.dropLast()) : root
    let places = [
      "\(base)/c/.build/share/var-swift/fashion-var.varq", "\(base)/here/\(demo)",
      "\(base)/c/\(demo)",
    ]
    #expect(throws: ModelLocatorError(places: places)) {
      try locator(executable: "c/.build/release/var-run").path()
    }
  }
}
