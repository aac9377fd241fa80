internal import Platform

/// An output that has been declared and found possible: the only thing that opens a writer.
///
/// Only ``Outputs`` makes one. Nothing has been created yet.
package struct OutputFile: Sendable {
  /// The path as it was given; `-` for the standard output.
  package let path: String
  /// Nil for the standard output.
  let target: OutputTarget?

  /// Whether this is the standard output.
  package var isStandardOutput: Bool { target == nil }

  /// Checks that the file's disk has room for this many bytes; where the system cannot tell, it has.
  /// - Throws: ``OutputError/noSpace(path:needed:free:)``.
  package func checkSpace(for bytes: Int) throws(OutputError) {
    var status = statvfs()
    guard let target, unsafe statvfs(target.place.existingFolder, &status) == 0 else { return }
    let (free, overflow) = Int(clamping: status.f_bavail)
      .multipliedReportingOverflow(by: Int(clamping: status.f_frsize))
    guard overflow || free >= bytes else {
      throw .noSpace(path: path, needed: bytes, free: free)
    }
  }

  /// Writes the whole file, which appears under its name complete or not at all.
  /// - Throws: ``FileError``.
  package func write(_ bytes: [UInt8]) throws(FileError) {
    guard target != nil else { return try StandardOutput.write(bytes) }
    let writer = try AtomicFileWriter(self)
    try writer.append(bytes)
    try writer.commit()
  }
}

/// Where an output's file goes.
struct OutputTarget: Sendable {
  let place: ResolvedPath
  /// What may be replaced when the file takes its name.
  let permission: Permission

  enum Permission {
    /// Nothing.
    case none
    /// The file that was looked into, if nobody has changed it since.
    case only(FileStatus.Stamp)
    /// Whatever file is there.
    case any
  }

  /// Whether a file that is there now may go.
  func mayReplace(_ status: FileStatus) -> Bool {
    switch permission {
    case .none: false
    case .only(let stamp): status.stamp == stamp
    case .any: true
    }
  }
}
