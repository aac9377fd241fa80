internal import Platform

/// What the system knows about an existing file.
struct FileStatus: Sendable {
  /// What tells a file from all others, whatever name it is reached by.
  struct Identity: Hashable, Sendable {
    let device: UInt64
    let number: UInt64
  }

  /// What changes when somebody writes a file.
  struct Stamp: Equatable, Sendable {
    let identity: Identity
    let size: Int64
    let seconds: Int64
    let nanoseconds: Int64
  }

  let stamp: Stamp
  let mode: mode_t
  let owner: uid_t
  let group: gid_t

  var identity: Identity { stamp.identity }
  var isFolder: Bool { mode & S_IFMT == S_IFDIR }
  var isRegular: Bool { mode & S_IFMT == S_IFREG }
  /// Who may read, write and run it. Not set-uid and its like, which new content must not inherit.
  var permissions: mode_t { mode & 0o777 }

  /// The file at a path, links followed; nil if there is none.
  init?(_ path: String) {
    var status = stat()
    guard unsafe stat(path, &status) == 0 else { return nil }
    self.init(status)
  }

  /// An open file.
  init?(descriptor: Int32) {
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0 else { return nil }
    self.init(status)
  }

  private init(_ status: stat) {
    let written = modificationTime(of: status)
    stamp = Stamp(
      identity: Identity(
        // Signed on macOS, where it may look negative.
        device: UInt64(truncatingIfNeeded: status.st_dev), number: UInt64(status.st_ino)),
      size: Int64(status.st_size), seconds: Int64(written.tv_sec),
      nanoseconds: Int64(written.tv_nsec))
    mode = status.st_mode
    owner = status.st_uid
    group = status.st_gid
  }
}
