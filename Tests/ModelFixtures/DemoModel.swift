import TestSupport
import VARConversion
package import VARCore
import VARQuant

/// The demo model of the repository, trained and with named classes, converted once for all tests.
package enum DemoModel {
  private static let converted = Result { try convert() }

  /// The model with q8 weights.
  package static func model() throws -> Model { try converted.get() }

  private static func convert() throws -> Model {
    let source = Repository.file("models/fashion-var")
    var model = try SourceModel.open(
      transformer: source + "/var.pth", tokenizer: source + "/vae.pth")
    try model.nameClasses(from: source + "/class_names.txt")
    let folder = try TemporaryFolder()
    let path = folder.file("demo.varq")
    _ = try Converter(ConversionPlan(model, Survey(model), ConversionRecipe(.q8))).write(to: path)
    return try Model(path: path)
  }
}
