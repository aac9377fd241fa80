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

  /// Thinks of a name, and clears away what killed processes have left of this target.
  init(beside place: ResolvedPath) {
    // Cut, because a name has at most 255 bytes.
    let name = String(decoding: place.name.utf8.prefix(100), as: UTF8.self)
    unsafe temporaries_sweep(place.folder, ".\(name).")
    let tag = String(UInt64.random(in: 0 ... .max), radix: 36)
    path = (place.folder == "/" ? "" : place.folder) + "/.\(name).\(tag).tmp"
    number = unsafe temporaries_add(path)
  }

  deinit {
    _ = unsafe unlink(path)
    temporaries_forget(number)
  }

  /// Makes a locked file of a new name.
  /// - Returns: nil with `errno` if there can't be one.
  static func create(
    beside place: ResolvedPath, mode: UInt32
  ) -> (name: HiddenName, descriptor: Int32)? {
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
