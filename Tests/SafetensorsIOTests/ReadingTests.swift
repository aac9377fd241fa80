import SafetensorsIO
import TensorBytes
import TestSupport
import Testing

/// Reading parts of tensors, in every layout, against reading them whole.
@Suite struct ReadingTests {
  private let views = Repository.fixture("readers/views.pt")

  @Test(arguments: ["views.pt", "views-legacy.pt", "deflated.pt"])
  func partsEqualTheWhole(_ name: String) throws {
    let checkpoint = try Checkpoint.open(Repository.fixture("readers/" + name))
    for tensor in checkpoint.tensors {
      let width = tensor.type.byteWidth
      let whole = try unsafe checkpoint.withContiguousBytes(of: tensor) { unsafe Array($0) }
      #expect(whole.count == tensor.byteCount)
      for start in stride(from: 0, to: tensor.elementCount, by: 5) {
        let end = min(start + 7, tensor.elementCount)
        let part = try unsafe checkpoint.withContiguousBytes(of: tensor, elements: start..<end) {
          unsafe Array($0)
        }
        #expect(part == Array(whole[start * width..<end * width]), "\(tensor.name) \(start)")
      }
      checkpoint.release(tensor)
    }
  }

  @Test func convertsEveryFloatingPointType() throws {
    let checkpoint = try Checkpoint.open(Repository.fixture("readers/dtypes.pt"))
    for name in ["float64", "float32", "float16", "bfloat16"] {
      let tensor = try #require(checkpoint.tensor(named: name + ".matrix"))
      #expect(try checkpoint.floats(of: tensor) == [0, 1, 2, 3, 100, 1])
    }
    for name in ["int64", "int32", "int16", "int8", "uint8"] {
      let tensor = try #require(checkpoint.tensor(named: name + ".matrix"))
      #expect(try checkpoint.integers(of: tensor) == [0, 1, 2, 3, 100, 1])
    }
  }

  @Test func refusesWhatIsNotThere() throws {
    let checkpoint = try Checkpoint.open(views)
    let whole = try #require(checkpoint.tensor(named: "whole"))
    let half = try #require(checkpoint.tensor(named: "half"))
    func error(_ reason: StorageError, _ name: String) -> CheckpointError {
      .storage(path: views, tensor: name, reason)
    }
    #expect(throws: error(.outOfBounds(elements: 0..<121, count: 120), "whole")) {
      try unsafe checkpoint.withContiguousBytes(of: whole, elements: 0..<121) { $0.count }
    }
    #expect(throws: error(.notFloatingPoint(.i64), "half")) { try checkpoint.floats(of: half) }
    #expect(throws: error(.notInteger(.f32), "whole")) { try checkpoint.integers(of: whole) }
    #expect(checkpoint.tensor(named: "no such") == nil)
  }
}
