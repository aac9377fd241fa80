package import TestSupport
import VARConversion
package import VARCore
import VARQuant

/// The demo model of the repository, trained and with named classes, converted once for all tests.
package enum DemoModel {
  private static let converted = Result {
    let folder = try TemporaryFolder()
    // The file may go once it is mapped.
    return try Model(path: convert(into: folder))
  }

  /// The model with q8 weights.
  package static func model() throws -> Model { try converted.get() }

  /// Writes the model's file into a folder.
  package static func convert(into folder: TemporaryFolder) throws -> String {
    let source = Repository.file("models/fashion-var")
    var model = try SourceModel.open(
      transformer: source + "/var.pth", tokenizer: source + "/vae.pth")
    try model.nameClasses(from: source + "/class_names.txt")
    let path = folder.file("demo.varq")
    let plan = try ConversionPlan(model, Survey(model), ConversionRecipe(.q8))
    _ = try Converter(plan).write(to: path)
    return path
  }
}
