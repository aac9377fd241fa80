import SafetensorsIO
import TensorBytes
import TestSupport

/// A fixture's state dict that a test changes and writes as safetensors.
struct EditedState {
  struct Tensor {
    var type: ElementType
    var shape: [Int]
    var bytes: [UInt8]

    static func zeros(_ shape: [Int]) -> Tensor {
      Tensor(type: .f32, shape: shape, bytes: [UInt8](repeating: 0, count: shape.reduce(4, *)))
    }

    static func floats(_ values: [Float]) -> Tensor {
      Tensor(
        type: .f32, shape: [1, values.count],
        bytes: values.flatMap { value in
          (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * $0)) }
        })
    }

    static func integers(_ values: [Int]) -> Tensor {
      Tensor(
        type: .i64, shape: [1, values.count],
        bytes: values.flatMap { value in
          (0..<8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
        })
    }
  }

  var tensors: [String: Tensor] = [:]

  init() {}

  /// Reads `Tests/Fixtures/models/NAME`.
  init(_ name: String) throws {
    let checkpoint = try Checkpoint.open(Repository.fixture("models/" + name))
    for tensor in checkpoint.tensors {
      tensors[tensor.name] = Tensor(
        type: tensor.type, shape: tensor.shape,
        bytes: try unsafe checkpoint.withContiguousBytes(of: tensor) { unsafe Array($0) })
    }
  }

  /// The same with a prefix before every name.
  func prefixed(_ prefix: String) -> EditedState {
    var state = EditedState()
    for (name, tensor) in tensors { state.tensors[prefix + name] = tensor }
    return state
  }

  func merged(_ other: EditedState) -> EditedState {
    var state = self
    state.tensors.merge(other.tensors) { first, _ in first }
    return state
  }

  /// Writes the state and opens it again.
  func checkpoint(_ folder: TemporaryFolder, _ name: String = "edited") throws -> Checkpoint {
    let sorted = tensors.sorted {
      ($1.value.type.byteWidth, $0.key) < ($0.value.type.byteWidth, $1.key)
    }
    let writer = try SafetensorsWriter(
      output(folder.file(name)),
      entries: sorted.map {
        SafetensorsEntry(name: $0.key, type: $0.value.type, shape: $0.value.shape)
      })
    for (_, tensor) in sorted {
      try unsafe tensor.bytes.withUnsafeBytes { try unsafe writer.append($0) }
    }
    try writer.finish()
    return try Checkpoint.open(folder.file(name))
  }
}
