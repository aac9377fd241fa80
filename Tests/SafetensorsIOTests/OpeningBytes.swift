import SafetensorsIO
import TestSupport

/// Files made for a test.
struct OpeningBytes {
  let folder: TemporaryFolder
  var path: String { folder.file("checkpoint") }

  init() throws { folder = try TemporaryFolder() }

  func open(_ bytes: [UInt8]) throws -> Checkpoint {
    try Checkpoint.open(folder.write(bytes, to: "checkpoint"))
  }

  /// The error of opening, or of reading a tensor; nil if there is none.
  func error(_ bytes: [UInt8], reading tensor: String? = nil) throws -> CheckpointError? {
    do {
      let checkpoint = try open(bytes)
      if let tensor = tensor.flatMap({ checkpoint.tensor(named: $0) }) {
        _ = try checkpoint.digest(of: tensor)
      }
      return nil
    } catch let error as CheckpointError {
      return error
    }
  }
}
