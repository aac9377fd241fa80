/// The version of both programs and of the library, which all files that they write carry.
package enum Version {
  /// As `--version` prints it.
  package static let current = "0.1.0"
}
