import TestSupport
import VARConversion
package import VARCore
import VARQuant

/// The demo model of the repository, trained and with named classes, converted once for all tests.
package enum DemoModel {
  private static let converted = Result { try convert() }

  /// The model with q8 weights.
  package static func model() throws -> Model { try Model(path: path()) }

  /// Its file.
  package static func path() throws -> String { try converted.get().file("demo.varq") }

  private static func convert() throws -> TemporaryFolder {
    let source = Repository.file("models/fashion-var")
    var model = try SourceModel.open(
      transformer: source + "/var.pth", tokenizer: source + "/vae.pth")
    try model.nameClasses(from: source + "/class_names.txt")
    let folder = try TemporaryFolder()
    let plan = try ConversionPlan(model, Survey(model), ConversionRecipe(.q8))
    _ = try Converter(plan).write(to: folder.file("demo.varq"))
    return folder
  }
}
