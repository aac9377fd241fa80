import SafetensorsIO
import TensorBytes
import TestSupport
import Testing
import VARConversion

/// Weights that look damaged are told from those that don't.
@Suite struct OddWeightTests {
  private static let name = "blocks.1.ffn.fc1.weight"
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// The warnings for the fixture with a matrix changed.
  private func warnings(
    _ change: (_ values: inout [Float], _ columns: Int) -> Void
  ) throws -> [String] {
    var state = try EditedState("per-block/var.pth")
    var tensor = try #require(state.tensors[Self.name])
    let columns = try #require(tensor.shape.last)
    let checkpoint = try Checkpoint.open(Repository.fixture("models/per-block/var.pth"))
    var values = try checkpoint.floats(of: #require(checkpoint.tensor(named: Self.name)))
    change(&values, columns)
    tensor.bytes = EditedState.Tensor.floats(values).bytes
    tensor.type = .f32
    state.tensors[Self.name] = tensor
    let model = try SourceModel.recognize(
      others: [state.checkpoint(folder)], options: ConversionOptions(patchNumbers: [1, 2, 3, 5, 8]))
    return try Survey(model, hashing: false).warnings
  }

  @Test func soundWeightsAreNotOdd() throws {
    #expect(try warnings { _, _ in } == [])
    #expect(try warnings { values, _ in values[7] *= 50 } == [])
    // One zero row less a weight is no constant row.
    let almost = try warnings { values, columns in
      for column in 0..<columns { values[columns + column] = 0.25 }
      values[columns] = 0.5
    }
    #expect(almost == [])
  }

  @Test func deadAndStrayWeightsAreNamed() throws {
    #expect(
      try warnings { values, _ in values = values.map { _ in 0 } } == [
        "var.\(Self.name) is all zeros"
      ])
    let constant = try warnings { values, columns in
      for row in [2, 5] {
        for column in 0..<columns { values[row * columns + column] = 0.125 }
      }
    }
    #expect(constant == ["var.\(Self.name) has 2 rows of one and the same value (row 2)"])
    let stray = try warnings { values, columns in values[3 * columns + 5] = -3e4 }
    #expect(stray.count == 1)
    #expect(stray.first?.contains("(row 3, column 5)") == true)
  }

  /// Warnings are no errors, unless they are to be.
  @Test func strictMakesThemErrors() throws {
    var state = try EditedState("per-block/var.pth")
    let shape = try #require(state.tensors[Self.name]).shape
    state.tensors[Self.name] = .zeros(shape)
    let path = try state.checkpoint(folder, "odd.safetensors").path
    let arguments = ["convert", "--var", path, "--output", folder.file("out.varq")]
    let strict = try CommandRunner.run("var-convert", arguments + ["--strict"])
    #expect(strict.status == 1)
    #expect(strict.errors.contains(Self.name))
    #expect(try folder.names() == ["odd.safetensors"])
    let lenient = try CommandRunner.run("var-convert", arguments)
    #expect(lenient.status == 0)
    #expect(lenient.errors.contains("warning: var.\(Self.name) is all zeros"))
  }
}
