import ArgumentParser
import CommandSupport
import VARConversion

/// What `inspect --check` found; its JSON.
struct ManifestCheck: Encodable {
  let file: String
  let manifest: String
  let tensors: Int
  let same: Bool
  let changed: [String]
  let missing: [String]
  let new: [String]

  /// Reads the manifest first, which costs less than the file.
  init(_ file: String, _ manifest: String) throws {
    let listed = try Manifest(reading: manifest)
    let actual = try Manifest(of: file)
    let difference = actual.difference(from: listed)
    self.file = file
    self.manifest = manifest
    tensors = actual.tensorCount
    same = difference.isEmpty
    changed = difference.changed.map(Self.text)
    missing = difference.missing.map(Self.text)
    new = difference.new.map(Self.text)
  }

  private static func text(_ name: Manifest.Name) -> String {
    name.isFile ? "the file \(name.text)" : name.text
  }

  /// Prints what differs, or that nothing does.
  /// - Throws: `ExitCode` where something differs.
  func report(json: Bool) throws {
    if json {
      try Console.print(json: self)
    } else {
      try Console.print(lines)
    }
    if !same { throw ExitCode.failure }
  }

  private var lines: [String] {
    let all = Format.count(tensors, "tensor")
    if same { return ["\(file): \(all), all as \(manifest) says"] }
    let sections = [("CHANGED", changed), ("MISSING", missing), ("NEW", new)]
    let names = sections.flatMap { word, names in names.map { "\(word) \($0)" } }
    let counts = sections.map { "\($1.count) \($0.lowercased())" }.joined(separator: ", ")
    return names + ["\(file): not as \(manifest) says: \(counts)"]
  }
}
