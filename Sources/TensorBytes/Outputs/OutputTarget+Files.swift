internal import Platform

/// How an ``AtomicFileWriter`` comes by a temporary file, and how that takes the target's name.
extension OutputTarget {
  /// Makes the folders that are missing.
  func makeFolder(_ path: String) throws(FileError) {
    for folder in place.missingFolders where unsafe mkdir(folder, 0o777) != 0 {
      // Another writer may have been here, or another process.
      if errno != EEXIST {
        throw .system(operation: "make the folder of", path: path, errno: errno)
      }
    }
  }

  /// Opens an unnamed temporary in the folder, or else a hidden one, whose name is returned too.
  ///
  /// Nobody can read it who may not read the file that it replaces.
  func openTemporary(
    _ path: String, unnamed: Bool
  ) throws(FileError) -> (descriptor: Int32, name: HiddenName?) {
    let mode = FileStatus(place.path)?.permissions ?? 0o666
    if unnamed, let descriptor = try openUnnamed(path, mode) { return (descriptor, nil) }
    guard let (name, descriptor) = HiddenName.create(beside: place, mode: mode) else {
      throw cannotCreate(path)
    }
    return (descriptor, name)
  }

  /// Gives a temporary the target's name, and takes the hidden one away in any case.
  ///
  /// The permissions of a file that is replaced stay, its owner too if we may give files away.
  func take(_ descriptor: Int32, _ hidden: HiddenName?, _ path: String) throws(FileError) {
    if let status = FileStatus(place.path) {
      guard status.isRegular else { throw .notRegularFile(path: path) }
      guard mayReplace(status) else { throw .exists(path: path) }
      // In this order: giving a file away clears bits. Where modes don't exist nothing is lost.
      _ = fchown(descriptor, status.owner, status.group)
      _ = fchmod(descriptor, status.permissions)
    }
    let temporary = hidden?.path ?? Self.procPath(descriptor)
    let flags = hidden == nil ? AT_SYMLINK_FOLLOW : 0
    // A link, unlike a rename, fails where the name is taken.
    if unsafe linkat(AT_FDCWD, temporary, AT_FDCWD, place.path, flags) == 0 { return }
    switch errno {
    case EEXIST:
      guard let status = FileStatus(place.path), mayReplace(status) else {
        throw .exists(path: path)
      }
    // FAT and its like have no links: the test and the rename are then two steps.
    case EPERM where hidden != nil, EOPNOTSUPP where hidden != nil: break
    default: throw failure("name", path)
    }
    try rename(descriptor, hidden, path)
  }

  /// Makes the new name durable. Some file systems cannot sync a folder; the file is whole anyway.
  func syncFolder() {
    let descriptor = unsafe open(place.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    fsync(descriptor)
    close(descriptor)
  }

  /// Nil where the file system has no unnamed files, or no `/proc` to name them by.
  private func openUnnamed(_ path: String, _ mode: mode_t) throws(FileError) -> Int32? {
    let descriptor = Platform.openUnnamed(in: place.folder, mode: mode)
    if descriptor >= 0 {
      if unsafe access(Self.procPath(descriptor), F_OK) == 0 { return descriptor }
      close(descriptor)
    } else if errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL {
      throw cannotCreate(path)
    }
    return nil
  }

  /// A link cannot replace a name, a rename can: an unnamed file has a hidden name for an instant.
  private func rename(
    _ descriptor: Int32, _ hidden: HiddenName?, _ path: String
  ) throws(FileError) {
    let name = hidden ?? HiddenName(beside: place)
    if hidden == nil {
      HiddenName.lock(descriptor)
      let proc = Self.procPath(descriptor)
      guard unsafe linkat(AT_FDCWD, proc, AT_FDCWD, name.path, AT_SYMLINK_FOLLOW) == 0 else {
        throw failure("name", path)
      }
    }
    guard unsafe Platform.rename(name.path, place.path) == 0 else {
      throw failure("rename to", path)
    }
  }

  private func cannotCreate(_ path: String) -> FileError {
    failure("create a file in its folder, \(place.folder)", path)
  }

  private func failure(_ operation: String, _ path: String) -> FileError {
    .system(operation: operation, path: path, errno: errno)
  }

  private static func procPath(_ descriptor: Int32) -> String { "/proc/self/fd/\(descriptor)" }
}
