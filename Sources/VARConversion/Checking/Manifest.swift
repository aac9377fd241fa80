internal import SafetensorsIO
internal import TensorBytes
internal import VARQuant

/// SHA-256 of every tensor and of the whole, one line each, as `sha256sum` writes them.
///
/// A line is 64 lower-case hexadecimal digits, then two spaces and a tensor's name, or a space, an asterisk and
/// the last component of a file's path. Tensors are digested as they are stored: row-major and little-endian, of
/// quantized formats the codes and scales. In names, what a terminal would obey stands escaped. Lines are sorted
/// by the bytes of the names, files last; their order means nothing.
package struct Manifest: Equatable, Sendable {
  /// What a line is about.
  package struct Name: Hashable, Sendable {
    /// Whether it is a file, or else a tensor.
    package let isFile: Bool
    private let key: ByteKey
    /// The name as it stands in the line.
    package var text: String { key.text }

    init(isFile: Bool, text: some StringProtocol) {
      self.isFile = isFile
      key = ByteKey(text)
    }
  }

  private var digests: [Name: String] = [:]

  /// Tensors that are listed.
  package var tensorCount: Int { digests.keys.count { !$0.isFile } }

  /// Computes the one of a file, whose kind is told by its content.
  /// - Parameter path: of a checkpoint, an index of shards, or a `.varq` file.
  /// - Throws: errors of the file.
  package init(of path: String) throws {
    let files: [MappedFile]
    if try !Folder.exists(path) && VarqFile.isRecognized(path) {
      let file = try VarqFile(path)
      for tensor in file.tensors {
        digests[.tensor(tensor.name)] = SHA256Digest.hex(
          try SHA256Digest.digest(of: file.file, in: tensor.bytes))
      }
      files = [file.file]
    } else {
      let checkpoint = try Checkpoint.open(path)
      for (tensor, digest) in zip(checkpoint.tensors, try checkpoint.digests()) {
        digests[.tensor(tensor.name)] = SHA256Digest.hex(digest)
      }
      files = checkpoint.files
    }
    var namesakes = 1
    for file in files {
      var name = Name.file(file.path)
      while digests[name] != nil {
        namesakes += 1
        name = .file(file.path + "~\(namesakes)")
      }
      digests[name] = SHA256Digest.hex(try SHA256Digest.digest(of: file))
    }
  }

  /// The lines.
  package var lines: [String] {
    digests.sorted { Self.isBefore($0.key, $1.key) }.map { name, digest in
      digest + (name.isFile ? " *" : "  ") + name.text
    }
  }

  private static func isBefore(_ a: Name, _ b: Name) -> Bool {
    a.isFile == b.isFile
      ? a.text.utf8.lexicographicallyPrecedes(b.text.utf8) : b.isFile
  }
}

extension Manifest.Name {
  static func tensor(_ name: String) -> Self { Self(isFile: false, text: name.manifestName) }

  static func file(_ path: String) -> Self {
    let last = path.split(separator: "/", omittingEmptySubsequences: true).last ?? ""
    return Self(isFile: true, text: String(last).manifestName)
  }
}

extension String {
  /// The name with backslashes doubled and everything else escaped that a terminal would obey, so that names of
  /// different bytes stay different, and on a line of their own.
  fileprivate var manifestName: String {
    replacing("\\", with: "\\\\").printable(limit: .max)
  }
}

// MARK: Reading
extension Manifest {
  /// A line that is none of a manifest.
  package enum ReadingError: Error, Equatable, CustomStringConvertible {
    /// It isn't a digest and a name.
    case line(path: String, Int)
    /// A name has stood before.
    case twice(path: String, Int, name: String)
    /// Nothing is listed.
    case empty(path: String)
    /// It is too large for one.
    case size(path: String, limit: Int)

    /// The message for the user.
    package var description: String {
      switch self {
      case .line(let path, let number):
        "\(path): line \(number) is not a SHA-256 of 64 hexadecimal digits, two spaces (or a space and *) and "
          + "a name, as inspect --manifest writes them"
      case .twice(let path, let number, let name):
        "\(path): line \(number) lists \(name.printable()) once more"
      case .empty(let path): "\(path) lists no tensor and no file"
      case .size(let path, let limit):
        "\(path): a manifest has no more than \(limit >> 20) MiB"
      }
    }
  }

  /// Bytes that a manifest may have: half a million tensors.
  private static let sizeLimit = 64 << 20

  /// Reads what ``lines`` wrote, in any order; empty lines and the carriage returns of Windows mean nothing.
  /// - Parameter path: of the manifest; `-` for the standard input.
  /// - Throws: ``ReadingError``, `FileError`.
  package init(reading path: String) throws {
    let bytes: [UInt8]
    if let piped = try PipedInput.read(path, limit: Self.sizeLimit) {
      bytes = piped
    } else {
      let file = try MappedFile(path)
      guard file.count <= Self.sizeLimit else {
        throw ReadingError.size(path: path, limit: Self.sizeLimit)
      }
      bytes = try unsafe file.withBytes(in: 0..<file.count) { unsafe Array($0) }
    }
    try self.init(bytes, named: path)
  }

  /// Reads the text of one.
  /// - Throws: ``ReadingError``.
  package init(_ bytes: [UInt8], named path: String) throws(ReadingError) {
    var rest = bytes[...]
    var number = 0
    // One at a time: a list of millions of empty lines would take far more than their file.
    while !rest.isEmpty {
      var line = rest.prefix { $0 != 0x0A }
      rest = rest[line.endIndex...].dropFirst()
      number += 1
      if line.last == 0x0D { line.removeLast() }
      if line.isEmpty { continue }
      guard let (name, digest) = Self.entry(line) else { throw .line(path: path, number) }
      guard digests.updateValue(digest, forKey: name) == nil else {
        throw .twice(path: path, number, name: name.text)
      }
    }
    if digests.isEmpty { throw .empty(path: path) }
  }

  private static func entry(_ line: ArraySlice<UInt8>) -> (Name, String)? {
    guard line.count > 66 else { return nil }
    let start = line.startIndex
    let digits = line[start..<start + 64]
    let mark = line[start + 65]
    guard digits.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 || 97...102 ~= $0 | 32 }),
      line[start + 64] == 0x20, mark == 0x20 || mark == UInt8(ascii: "*"),
      let digest = String(validating: digits, as: UTF8.self),
      let name = String(validating: line[(start + 66)...], as: UTF8.self),
      name == name.printable(limit: .max)
    else { return nil }
    return (Name(isFile: mark != 0x20, text: name), digest.lowercased())
  }
}

// MARK: Comparing
extension Manifest {
  /// How a file differs from a manifest.
  package struct Difference: Equatable, Sendable {
    /// Names whose digest is another one, sorted as in a manifest.
    package var changed: [Name] = []
    /// Names that the file lacks.
    package var missing: [Name] = []
    /// Names that the manifest lacks.
    package var new: [Name] = []
    /// Whether there is none.
    package var isEmpty: Bool { changed.isEmpty && missing.isEmpty && new.isEmpty }
  }

  /// What of this manifest, of a file, is not as another one says. A single file may have another name.
  package func difference(from other: Manifest) -> Difference {
    var expected = other.digests
    let files = (digests.keys.filter(\.isFile), expected.keys.filter(\.isFile))
    if files.0.count == 1 && files.1.count == 1,
      let digest = expected.removeValue(forKey: files.1[0])
    {
      expected[files.0[0]] = digest
    }
    var difference = Difference()
    for (name, digest) in digests.sorted(by: { Self.isBefore($0.key, $1.key) }) {
      switch expected.removeValue(forKey: name) {
      case nil: difference.new.append(name)
      case digest: break
      default: difference.changed.append(name)
      }
    }
    difference.missing = expected.keys.sorted(by: Self.isBefore)
    return difference
  }
}
