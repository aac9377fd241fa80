import TensorBytes
import VAR
import VARConversion
import VAREvaluation
import VARModel

/// Files of text.
enum TextTargets {
  static func tokens(_ bytes: [UInt8]) {
    FuzzTarget.expect(TokensFileError.self) {
      let file = try TokensFile(json: bytes, name: "fuzz.json")
      try file.validate(name: "fuzz.json", patchNumbers: [1, 2], vocabulary: 16)
      // What was read is written, and read again as the same.
      let again = try TokensFile(json: file.json, name: "again.json")
      if again != file { fatalError("the file is not the same when it is read again") }
    }
  }

  static func recipe(_ bytes: [UInt8]) {
    said {
      let recipe = try ConversionRecipe(json: bytes)
      let again = try ConversionRecipe(json: Array(recipe.json.utf8))
      if again.json != recipe.json {
        fatalError("the recipe is not the same when it is read again")
      }
    }
  }

  static func sensitivity(_ bytes: [UInt8]) {
    said { _ = try SensitivityTable(json: bytes) }
  }

  static func labels(_ bytes: [UInt8]) {
    let list = ClassList(classes: 4, names: ["cat", "dog", "red shoe, sneaker", "cat"])
    FuzzTarget.expect(LabelError.self) {
      let table = MappedFile(bytes, named: "fuzz.csv")
      let images = try LabelledImages(folder: "folder", table: table, list)
      if images.items.isEmpty { fatalError("no images and no error") }
    }
  }

  static func manifest(_ bytes: [UInt8]) {
    FuzzTarget.expect(Manifest.ReadingError.self) {
      let manifest = try Manifest(bytes, named: "fuzz.sha256")
      let again = try Manifest(Array(manifest.lines.joined(separator: "\n").utf8), named: "again")
      if !again.difference(from: manifest).isEmpty {
        fatalError("the manifest is not the same when it is read again")
      }
    }
  }

  /// Errors of several kinds, of which each must say something.
  private static func said(_ body: () throws -> Void) {
    do {
      try body()
    } catch {
      if "\(error)".isEmpty { fatalError("an error without a text: \(type(of: error))") }
    }
  }
}
