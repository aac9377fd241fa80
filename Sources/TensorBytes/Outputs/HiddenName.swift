internal import CTemporaries
internal import Platform

/// A hidden name beside a target, `.NAME.TAG.tmp`, for a file that is not complete.
///
/// It goes with this object, with the signals that programs handle, and, where the process was killed,
/// when the next one writes the same file: whoever lives holds a lock on his.
final class HiddenName {
  /// The name with its folder.
  let path: String
  private let number: Int32

  /// Thinks of a name.
  init(beside place: ResolvedPath) {
    let tag = String(UInt64.random(in: 0 ... .max), radix: 36)
    path = (place.folder == "/" ? "" : place.folder) + "/" + Self.prefix(place) + tag + ".tmp"
    number = unsafe temporaries_add(path)
  }

  deinit {
    _ = unsafe unlink(path)
    temporaries_forget(number)
  }

  /// What all hidden names of a target begin with; cut, because a name has at most 255 bytes.
  private static func prefix(_ place: ResolvedPath) -> String {
    "." + String(decoding: place.name.utf8.prefix(100), as: UTF8.self) + "."
  }

  /// Makes a locked file of a new name, and clears away what killed processes have left of its
  /// target.
  /// - Returns: nil with `errno` if there can't be one.
  static func create(
    beside place: ResolvedPath, mode: mode_t
  ) -> (name: HiddenName, descriptor: Int32)? {
    // Here only, and not for the instant in which an unnamed file has a hidden name: it reads the
    // whole folder.
    unsafe temporaries_sweep(place.folder, prefix(place))
    while true {
      let name = HiddenName(beside: place)
      let descriptor = unsafe open(name.path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, mode)
      guard descriptor >= 0 else { return nil }
      lock(descriptor)
      // Between making and locking it may have been taken for a left one.
      var status = stat()
      if unsafe fstat(descriptor, &status) == 0, status.st_nlink > 0 { return (name, descriptor) }
      close(descriptor)
    }
  }

  /// Says that a file's writer lives. Where there are no locks, left files stay.
  static func lock(_ descriptor: Int32) { _ = temporaries_lock(descriptor, 1) }
}
