// The C library of the system, under one name: the only file that knows which one it is.
//
// Linux with glibc is what we build and test on. musl and macOS are written down here and untried.
#if canImport(Glibc)
  @_exported public import Glibc
#elseif canImport(Musl)
  @_exported public import Musl
#elseif canImport(Darwin)
  @_exported public import Darwin
#else
  #error("no C library that this program knows: name it here")
#endif

/// write(2), for types that have a `write` of their own.
@unsafe package func systemWrite(
  _ descriptor: Int32, _ bytes: UnsafeRawPointer?, _ count: Int
) -> Int {
  unsafe write(descriptor, bytes, count)
}

/// A new file in a folder that has no name yet, or -1 with `errno`; EOPNOTSUPP where the system
/// knows no such files.
package func openUnnamed(in folder: String, mode: mode_t) -> Int32 {
  #if os(Linux)
    // O_TMPFILE, a macro that Swift does not import.
    return unsafe open(folder, 0o20_000_000 | O_DIRECTORY | O_RDWR | O_CLOEXEC, mode)
  #else
    errno = EOPNOTSUPP
    return -1
  #endif
}

/// When a file was last written.
package func modificationTime(of status: stat) -> timespec {
  #if canImport(Darwin)
    status.st_mtimespec
  #else
    status.st_mtim
  #endif
}

/// link(2), for types that have a `link` of their own.
package func systemLink(_ existing: String, _ new: String) -> Int32 { unsafe link(existing, new) }
