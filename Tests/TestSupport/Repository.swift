import Foundation

/// Places in the checkout that the tests were built from.
public enum Repository {
  /// The checkout's root.
  public static let root = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .path(percentEncoded: false).trimmingTrailingSlash

  /// The path of a committed fixture, `Tests/Fixtures/NAME`.
  public static func fixture(_ name: String) -> String { root + "/Tests/Fixtures/" + name }

  /// The path of a committed file, relative to the root.
  public static func file(_ name: String) -> String { root + "/" + name }
}

extension String {
  fileprivate var trimmingTrailingSlash: String { hasSuffix("/") ? String(dropLast()) : self }
}
