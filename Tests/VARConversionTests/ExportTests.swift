import SafetensorsIO
import TensorBytes
import TestSupport
import Testing
import VARConversion
import VARModel
import VARQuant

@Suite struct ExportTests {
  /// The export has the names, shapes and, in f32, the values of the checkpoint, buffers included.
  @Test(arguments: ["per-block", "shared", "plain"]) func exportIsTheCheckpoint(name: String) throws
  {
    let folder = try TemporaryFolder()
    let sources = try ["var", "vae"].map {
      try Checkpoint.open(Repository.fixture("models/\(name)/\($0).pth"))
    }
    let model = try SourceModel.recognize(transformer: sources[0], tokenizer: sources[1])
    let plan = try ConversionPlan(model, Survey(model), ConversionRecipe(.f32))
    _ = try Converter(plan).write(to: output(folder.file("model.varq")))
    let paths = try Exporter(ModelFile(folder.file("model.varq"))).write(
      to: folder.file("export"))
    #expect(paths == ["var", "vae"].map { folder.file("export/\($0).safetensors") })
    for (source, path) in zip(sources, paths) {
      let export = try Checkpoint.open(path)
      #expect(Set(export.tensors.map(\.name)) == Set(source.tensors.map(\.name)))
      for tensor in source.tensors {
        let copy = try #require(export.tensor(named: tensor.name))
        #expect(copy.shape == tensor.shape, "\(tensor.name)")
        if tensor.type.isFloatingPoint {
          let same = try export.floats(of: copy) == source.floats(of: tensor)
          #expect(same, "\(tensor.name)")
        } else {
          #expect(copy.type == tensor.type)
          #expect(try export.digest(of: copy) == source.digest(of: tensor))
        }
      }
    }
  }

  @Test func existingFilesNeedForce() throws {
    let folder = try TemporaryFolder()
    let source = try Checkpoint.open(Repository.fixture("models/plain/vae.pth"))
    let options = ConversionOptions(patchNumbers: [1, 2, 4])
    let model = try SourceModel.recognize(others: [source], options: options)
    let plan = try ConversionPlan(model, Survey(model), ConversionRecipe())
    _ = try Converter(plan).write(to: output(folder.file("model.varq")))
    let exporter = Exporter(try ModelFile(folder.file("model.varq")))
    _ = try exporter.write(to: folder.path)
    #expect(throws: (any Error).self) { _ = try exporter.write(to: folder.path) }
    _ = try exporter.write(to: folder.path, replacing: true)
  }
}

@Suite struct SafetensorsWriterTests {
  @Test func planAndBytesMustAgree() throws {
    let folder = try TemporaryFolder()
    let entry = SafetensorsEntry(name: "a\"\\\n", type: .f32, shape: [2])
    #expect(throws: SafetensorsWriterError.name(entry.name)) {
      _ = try SafetensorsWriter(output(folder.file("x")), entries: [entry, entry])
    }
    let empty = SafetensorsEntry(name: "empty", type: .i64, shape: [0, 3])
    let writer = try SafetensorsWriter(output(folder.file("x")), entries: [empty, entry])
    #expect(
      throws: SafetensorsWriterError.byteCount(tensor: entry.name, expected: 8, written: 0)
    ) {
      try writer.finish()
    }
    let bytes: [Float] = [1, 2]
    try unsafe bytes.withUnsafeBytes { try unsafe writer.append($0) }
    try writer.finish()
    let file = try Checkpoint.open(folder.file("x"))
    #expect(file.tensors.map(\.name) == ["empty", entry.name])
    #expect(try file.tensor(named: entry.name).map { try file.floats(of: $0) } == [1, 2])
  }
}
