import Foundation

/// Finds the model to run when none is named.
package struct ModelLocator: Sendable {
  /// The demo model's file in a checkout, where `make demo` puts it.
  private static let checkoutPath = "models/fashion-var/fashion-var.varq"
  /// The demo model's file in the share folder of an installation.
  private static let installedPath = "share/var-swift/fashion-var.varq"

  private let named: String?
  private let environment: String?
  private let executable: String
  private let folder: String

  /// Makes a locator.
  /// - Parameters:
  ///   - named: the path of `--model`, if given.
  ///   - environment: the value of `$VAR_MODEL`, if set.
  ///   - executable: the running program's path.
  ///   - folder: the working folder.
  package init(named: String?, environment: String?, executable: String, folder: String) {
    self.named = named
    self.environment = environment.flatMap { $0.isEmpty ? nil : $0 }
    self.executable = executable
    self.folder = folder
  }

  /// The model's path: as named, else `$VAR_MODEL`, else the demo model where it is found first.
  ///
  /// A path that was named is returned as it is; opening it tells what is wrong with it.
  /// - Throws: ``ModelLocatorError``.
  package func path() throws(ModelLocatorError) -> String {
    if let path = named ?? environment { return path }
    let places = demoPlaces
    if let found = places.first(where: { FileManager.default.fileExists(atPath: $0) }) {
      return found
    }
    throw ModelLocatorError(places: places)
  }

  /// Where the demo model may be: the installation, the working folder, the checkout that the
  /// program was built in.
  private var demoPlaces: [String] {
    let program = URL(filePath: executable).resolvingSymlinksInPath()
    var places: [String] = []
    var ancestor = program.deletingLastPathComponent()
    places.append(
      Self.text(ancestor.deletingLastPathComponent().appending(path: Self.installedPath)))
    places.append(Self.text(URL(filePath: folder).appending(path: Self.checkoutPath)))
    while ancestor.pathComponents.count > 1 {
      if ancestor.lastPathComponent == ".build" {
        let checkout = ancestor.deletingLastPathComponent()
        places.append(Self.text(checkout.appending(path: Self.checkoutPath)))
        break
      }
      ancestor.deleteLastPathComponent()
    }
    return places.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
  }

  private static func text(_ url: URL) -> String {
    url.standardizedFileURL.path(percentEncoded: false)
  }
}

/// No model was named, and the demo model is nowhere.
package struct ModelLocatorError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The paths that were tried.
  package let places: [String]

  /// Makes the error.
  package init(places: [String]) { self.places = places }

  /// The message for the user.
  package var description: String {
    "no model was named, and the demo model is in none of these places:"
      + places.map { "\n  " + $0 }.joined()
  }
}
