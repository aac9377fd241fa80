internal import Platform

/// Where an ``AtomicFileWriter`` puts its file, and how a temporary takes that name.
struct AtomicTarget {
  /// The path as given, for messages.
  let path: String
  /// The path with symbolic links resolved.
  let resolved: String
  let folder: String
  let replacing: Bool

  init(_ path: String, replacing: Bool) throws(FileError) {
    self.path = path
    self.replacing = replacing
    var status = stat()
    if unsafe stat(path, &status) == 0 {
      guard status.st_mode & S_IFMT == S_IFREG else { throw .notRegularFile(path: path) }
      if !replacing { throw .exists(path: path) }
    }
    let real = Self.realPath(path) ?? path
    resolved = real
    let slash = real.lastIndex(of: "/")
    folder = slash.map { $0 == real.startIndex ? "/" : String(real[..<$0]) } ?? "."
  }

  /// Opens an unnamed temporary in the folder, or else a hidden one, whose path is returned too.
  func openTemporary() throws(FileError) -> (descriptor: Int32, path: String?) {
    // O_TMPFILE, a macro that Swift does not import. Without /proc it could not be named later.
    let unnamed = unsafe open(folder, 0o20_000_000 | O_DIRECTORY | O_RDWR | O_CLOEXEC, 0o666)
    if unnamed >= 0 {
      if unsafe access(Self.procPath(unnamed), F_OK) == 0 { return (unnamed, nil) }
      close(unnamed)
    } else if errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL {
      throw failure("create a file in its folder, \(folder)")
    }
    let hidden = hiddenPath()
    let named = unsafe open(hidden, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0o666)
    guard named >= 0 else { throw failure("create a file in its folder, \(folder)") }
    return (named, hidden)
  }

  /// Gives an unnamed temporary the target's name.
  func take(unnamed descriptor: Int32) throws(FileError) {
    if try !link(descriptor, to: resolved) {
      guard replacing else { throw .exists(path: path) }
      // A link cannot replace a name, a rename can: for an instant there is a hidden name.
      let hidden = hiddenPath()
      guard try link(descriptor, to: hidden) else { throw failure("name") }
      try take(hidden)
    }
  }

  /// Gives a hidden temporary the target's name, and takes the hidden one away in any case.
  func take(_ hidden: String) throws(FileError) {
    defer { _ = unsafe unlink(hidden) }
    if !replacing {
      // A link, unlike a rename, fails where the name is taken.
      if systemLink(hidden, resolved) == 0 { return }
      if errno == EEXIST { throw .exists(path: path) }
      // FAT and its like have no links: the test and the rename are then two steps.
      guard errno == EPERM || errno == EOPNOTSUPP else { throw failure("name") }
      if unsafe access(resolved, F_OK) == 0 { throw .exists(path: path) }
    }
    guard unsafe rename(hidden, resolved) == 0 else { throw failure("rename to") }
  }

  /// Makes the new name durable. Some file systems cannot sync a folder; the file is whole anyway.
  func syncFolder() {
    let descriptor = unsafe open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    fsync(descriptor)
    close(descriptor)
  }

  /// Links an unnamed temporary; false if the name is taken.
  private func link(_ descriptor: Int32, to name: String) throws(FileError) -> Bool {
    let status = unsafe linkat(
      AT_FDCWD, Self.procPath(descriptor), AT_FDCWD, name, AT_SYMLINK_FOLLOW)
    if status == 0 { return true }
    guard errno == EEXIST else { throw failure("name") }
    return false
  }

  private func hiddenPath() -> String {
    let slash = resolved.lastIndex(of: "/").map { resolved.index(after: $0) }
    let name = resolved[(slash ?? resolved.startIndex)...]
    let tag = String(UInt32.random(in: 0 ... .max), radix: 36)
    return "\(folder)/.\(name.prefix(100)).\(tag).tmp"
  }

  private func failure(_ operation: String) -> FileError {
    .system(operation: operation, path: path, errno: errno)
  }

  private static func procPath(_ descriptor: Int32) -> String { "/proc/self/fd/\(descriptor)" }

  private static func realPath(_ path: String) -> String? {
    guard let resolved = unsafe realpath(path, nil) else { return nil }
    defer { unsafe free(resolved) }
    return unsafe String(validatingCString: resolved)
  }
}
