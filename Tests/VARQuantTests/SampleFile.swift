import TensorBytes
import TestSupport
import VARQuant

/// The file of the example in `formats/varq-v1.md`, and files made by changing it.
enum SampleFile {
  static let metadata = Metadata([
    "model.architecture": .string("var"), "convert.recipe": .string("q8"),
  ])
  static let plans = [
    TensorPlan(name: "b", format: .f32, shape: [3]),
    TensorPlan(name: "w", format: .q8, shape: [2, 32]),
  ]
  static let values: [[Float]] = [
    [1, -2, 0.5],
    (0..<32).map { Float(8 * $0 - 127) / 4 } + [Float](repeating: 0, count: 32),
  ]

  /// Writes a file and returns its path.
  static func write(
    _ folder: TemporaryFolder, name: String = "sample.varq", metadata: Metadata = metadata,
    plans: [TensorPlan] = plans, values: [[Float]] = values
  ) throws -> String {
    let path = folder.file(name)
    let writer = try VarqWriter(output(path), metadata: metadata, tensors: plans)
    for tensor in values { try writer.append(tensor) }
    try writer.finish()
    return path
  }

  /// The bytes of a file.
  static func bytes(_ path: String) throws -> [UInt8] {
    let file = try MappedFile(path)
    var reader = try ByteReader(file, in: 0..<file.count)
    return try reader.readBytes(file.count)
  }

  /// The same file with its header's checksum made right again.
  static func signed(_ bytes: [UInt8]) throws -> [UInt8] {
    func size(at offset: Int) -> Int {
      (0..<8).reduce(0) { $0 | Int(bytes[offset + $1]) << (8 * $1) }
    }
    let end = 96 + size(at: 32) + size(at: 40)
    let digest = try SHA256Digest.digest(of: Array(bytes[..<64]) + Array(bytes[96..<end]))
    return Array(bytes[..<64]) + digest + Array(bytes[96...])
  }
}
