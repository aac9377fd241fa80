internal import Platform

/// The door through which everything is written: what a piece of work reads, and what it writes.
///
/// Each output is declared here before the work begins, and is refused if it is an input, another
/// output's file, a folder, or a file that exists and may not be replaced; all of that by what a path
/// means and not by how it is spelled, so that neither links nor `./` hide anything. The declaration
/// creates nothing; folders are made when the first file in them is written.
package final class Outputs {
  private let replacing: Replacement
  private let streaming: Bool
  private let inputPaths: [String]
  /// The inputs that exist: looked for when there is a file that may be one of them, because a data
  /// set has hundreds of thousands.
  private lazy var inputs = Dictionary(
    inputPaths.compactMap { path in FileStatus(path).map { ($0.identity, path) } },
    uniquingKeysWith: { $1 })
  /// The outputs so far: by path, and those that exist by identity too.
  private var paths: [String: String] = [:]
  private var identities: [FileStatus.Identity: String] = [:]
  /// Folders that files of this work can be written to, or that will be made for them.
  private var folders: Set<String> = []

  /// Begins a declaration.
  /// - Parameters:
  ///   - inputs: every file that is read; those that don't exist are of no concern here.
  ///   - replacing: which files may be replaced, where an output does not say otherwise.
  ///   - streaming: whether `-` is the standard output, as on a command line, and not a file's name.
  package init(
    reading inputs: [String], replacing: Replacement = .never, streaming: Bool = false
  ) {
    self.replacing = replacing
    self.streaming = streaming
    inputPaths = inputs
    // Facts that the shell writes to a file would be lost with it.
    if let output = Self.redirected { identities[output] = StandardOutput.name }
  }

  /// Declares a file; `-` is the standard output where that is wanted.
  /// - Parameters:
  ///   - folder: a folder that `path` is relative to and that is made if it is missing. Without one,
  ///     the file's folder must exist.
  ///   - replacing: which file may be replaced; nil: as for all outputs.
  package func file(
    _ path: String, in folder: String? = nil, replacing: Replacement? = nil
  ) throws(OutputError) -> OutputFile {
    if streaming, folder == nil, StandardOutput.isNamed(by: path) { return try standardOutput() }
    // An empty variable of a shell; with the file's name it would mean the root.
    if folder == "" { throw .isNoFolder(path: "") }
    let path = folder.map { $0.hasSuffix("/") ? $0 + path : $0 + "/" + path } ?? path
    let place = try ResolvedPath(path)
    try checkFolder(of: place, path, isMade: folder != nil)
    let status = FileStatus(place.path)
    try checkDistinct(place, status, path)
    var permission = OutputTarget.Permission.none
    if let status {
      permission = try permitted(replacing ?? self.replacing, place.path, status, path)
    } else if case .always = replacing ?? self.replacing {
      permission = .any
    }
    paths[place.path] = path
    return OutputFile(path: path, target: OutputTarget(place: place, permission: permission))
  }

  /// Declares several files of a folder, which is made if it is missing.
  package func files(
    in folder: String, named names: [String], replacing: Replacement? = nil
  ) throws(OutputError) -> [OutputFile] {
    try names.map { name throws(OutputError) in
      try file(name, in: folder, replacing: replacing)
    }
  }

  /// Declares a journal beside an output; one that the same work has left is taken up again.
  package func journal(_ path: String) throws(OutputError) -> OutputFile {
    let isForced = if case .always = replacing { true } else { false }
    let file = try file(path, replacing: .always)
    guard let target = file.target, !isForced else { return file }
    return OutputFile(path: path, target: OutputTarget(place: target.place, permission: .none))
  }

  private func standardOutput() throws(OutputError) -> OutputFile {
    if let output = Self.redirected, let input = inputs[output] {
      throw .isInput(path: StandardOutput.name, input: input)
    }
    guard paths.updateValue("-", forKey: "-") == nil else { throw .twice(path: "-", other: "-") }
    return OutputFile(path: "-", target: nil)
  }

  /// The file that the standard output goes to, if it is one.
  private static var redirected: FileStatus.Identity? {
    FileStatus(descriptor: STDOUT_FILENO).flatMap { $0.isRegular ? $0.identity : nil }
  }

  private func checkFolder(
    of place: ResolvedPath, _ path: String, isMade: Bool
  ) throws(OutputError) {
    if folders.contains(place.folder) { return }
    let missing = place.missingFolders
    guard missing.isEmpty || isMade else { throw Self.cannotCreate(path, place.folder, ENOENT) }
    if let other = missing.lazy.compactMap({ self.paths[$0] }).first {
      throw .isNoFolder(path: other)
    }
    guard FileStatus(place.existingFolder)?.isFolder == true else {
      throw .isNoFolder(path: place.existingFolder)
    }
    guard unsafe access(place.existingFolder, W_OK | X_OK) == 0 else {
      throw Self.cannotCreate(path, place.existingFolder, errno)
    }
    folders.formUnion(missing + [place.folder])
  }

  private func checkDistinct(
    _ place: ResolvedPath, _ status: FileStatus?, _ path: String
  ) throws(OutputError) {
    if status?.isFolder == true || folders.contains(place.path) { throw .isFolder(path: path) }
    if let other = paths[place.path] { throw .twice(path: path, other: other) }
    guard let status else { return }
    guard status.isRegular else { throw .file(.notRegularFile(path: path)) }
    if let input = inputs[status.identity] { throw .isInput(path: path, input: input) }
    if let other = identities[status.identity] { throw .twice(path: path, other: other) }
    identities[status.identity] = path
  }

  private func permitted(
    _ rule: Replacement, _ real: String, _ status: FileStatus, _ path: String
  ) throws(OutputError) -> OutputTarget.Permission {
    switch rule {
    case .never: throw .exists(path: path, .unknown)
    case .always: return .any
    case .ifSame(let look):
      let standing = look(real)
      guard standing == .same else { throw .exists(path: path, standing) }
      return .only(status.stamp)
    }
  }

  private static func cannotCreate(_ path: String, _ folder: String, _ code: Int32) -> OutputError {
    .file(.system(operation: "create a file in its folder, \(folder)", path: path, errno: code))
  }
}
