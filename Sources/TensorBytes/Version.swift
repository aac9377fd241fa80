/// The version of both programs and of what they write.
package enum Version {
  /// Its number.
  package static let current = "0.1.0"
}
