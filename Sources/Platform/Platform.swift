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

/// link(2), for types that have a `link` of their own.
package func systemLink(_ existing: String, _ new: String) -> Int32 { unsafe link(existing, new) }
