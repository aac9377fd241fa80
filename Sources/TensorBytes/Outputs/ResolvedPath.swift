internal import Platform

/// The one absolute path of a file that may not exist yet: links followed, spellings made one.
struct ResolvedPath {
  /// The folder's path; a part of it at its end may be missing.
  let folder: String
  /// The longest part of ``folder`` that exists.
  let existingFolder: String
  /// The file's name in the folder.
  let name: String

  /// The whole path.
  var path: String { folder == "/" ? "/" + name : folder + "/" + name }

  /// What file systems take, in bytes.
  private static let longestName = Int(NAME_MAX)

  /// The folders that have to be made, the outermost first.
  var missingFolders: [String] {
    var folders: [String] = []
    var path = folder
    while path != existingFolder {
      folders.append(path)
      path = Self.split(path).folder
    }
    return folders.reversed()
  }

  /// Follows a path, its last link too even if the file that it names is missing.
  /// - Throws: `OutputError/isFolder(path:)` if the path can name nothing but a folder.
  init(_ path: String) throws(OutputError) {
    var next = path
    // As many links as Linux follows.
    for _ in 0..<40 {
      let (folder, name) = Self.split(next)
      if ["", ".", ".."].contains(name) { throw .isFolder(path: path) }
      let (existing, missing) = try Self.realFolder(folder, path)
      let real = missing.reduce(existing) { ($0 == "/" ? "" : $0) + "/" + $1 }
      let whole = real == "/" ? "/" + name : real + "/" + name
      guard let target = try Self.link(whole, path) else {
        // Told now, and not when the work is done and the file is to take its name.
        if name.utf8.count > Self.longestName {
          throw .file(.system(operation: "name", path: path, errno: ENAMETOOLONG))
        }
        self.folder = real
        existingFolder = existing
        self.name = name
        return
      }
      next = target.hasPrefix("/") ? target : real + "/" + target
    }
    throw .file(.system(operation: "follow the links", path: path, errno: ELOOP))
  }

  /// A path's folder and last part: "." and "a" of "a", "/" and "a" of "/a", "a" and "" of "a/".
  private static func split(_ path: String) -> (folder: String, name: String) {
    guard let slash = path.lastIndex(of: "/") else { return (".", path) }
    let name = String(path[path.index(after: slash)...])
    return (slash == path.startIndex ? "/" : String(path[..<slash]), name)
  }

  /// The real path of as much of a folder as exists, and the parts that don't.
  private static func realFolder(
    _ folder: String, _ path: String
  ) throws(OutputError) -> (existing: String, missing: [String]) {
    if let real = try realPath(folder, path) { return (real, []) }
    guard errno == ENOENT else {
      let code = errno
      throw code == ENOTDIR
        ? .isNoFolder(path: folder)
        : .file(.system(operation: "follow the path", path: path, errno: code))
    }
    // A link to a folder that is missing: nothing could be made in its place.
    guard try link(folder, path) == nil else {
      throw .file(.system(operation: "find the folder of", path: path, errno: ENOENT))
    }
    let (parent, name) = split(folder)
    var (existing, missing) = try realFolder(parent, path)
    switch name {
    case "", ".": break
    case "..":
      if missing.isEmpty { existing = split(existing).folder } else { missing.removeLast() }
    default: missing.append(name)
    }
    return (existing, missing)
  }

  /// The real path of a folder, on the way to `output`; nil with `errno` if there is none.
  private static func realPath(_ path: String, _ output: String) throws(OutputError) -> String? {
    guard let resolved = unsafe realpath(path, nil) else { return nil }
    defer { unsafe free(resolved) }
    guard let text = unsafe String(validatingCString: resolved) else {
      throw .file(.foreignName(path: output))
    }
    return text
  }

  /// What a symbolic link on the way to `output` says; nil for everything else.
  private static func link(_ path: String, _ output: String) throws(OutputError) -> String? {
    var buffer = [CChar](repeating: 0, count: 4097)
    let count = unsafe readlink(path, &buffer, buffer.count - 1)
    guard count > 0 else { return nil }
    let bytes = buffer[..<count].map { UInt8(bitPattern: $0) }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw .file(.foreignName(path: output))
    }
    return text
  }
}
