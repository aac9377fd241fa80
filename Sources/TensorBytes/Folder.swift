import Foundation

/// Folders, with errors that say which one and why.
package enum Folder {
  /// Names of what is in a folder, sorted, without hidden files.
  /// - Throws: `FileError`.
  package static func list(_ path: String) throws(FileError) -> [String] {
    try attempt("list", path) {
      try FileManager.default.contentsOfDirectory(atPath: path)
    }.filter { !$0.hasPrefix(".") }.sorted()
  }

  /// Whether the path is that of a folder.
  package static func exists(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    return unsafe FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
      && isFolder.boolValue
  }

  /// Runs a call of Foundation and gives its error the form of all others.
  /// - Throws: `FileError`.
  package static func attempt<R>(
    _ operation: String, _ path: String, _ body: () throws -> R
  ) throws(FileError) -> R {
    do {
      return try body()
    } catch {
      let cocoa = error as NSError
      // A POSIXError on Linux, which is bridged only through `Error`.
      let underlying = cocoa.userInfo[NSUnderlyingErrorKey] as? any Error
      let cause = underlying.map { $0 as NSError } ?? cocoa
      let code = cause.domain == NSPOSIXErrorDomain ? Int32(clamping: cause.code) : EIO
      throw .system(operation: operation, path: path, errno: code)
    }
  }
}
