internal import Platform
internal import TensorBytes

/// Takes the bytes that a conversion makes, and compares them with those of a file that is there.
package final class VarqComparison: TensorSink {
  private let file: VarqFile
  private let tensors: [TensorPlan]
  private var index = 0
  /// Bytes of the current tensor that came.
  private var progress = 0
  /// Names of the tensors that are in the file byte for byte.
  package private(set) var same: Set<String>

  /// Prepares a comparison.
  /// - Parameter tensors: whose bytes will come, in this order.
  package init(_ file: VarqFile, tensors: [TensorPlan]) {
    self.file = file
    self.tensors = tensors
    same = Set(tensors.map(\.name))
  }

  /// The tensor whose bytes come next, nil after the last one.
  package var current: TensorPlan? { index < tensors.count ? tensors[index] : nil }

  /// Compares bytes of the current tensor.
  /// - Throws: ``VarqWriterError/byteCount(tensor:planned:written:)`` for bytes beyond its end.
  package func append(_ bytes: UnsafeRawBufferPointer) throws {
    guard let plan = current else {
      throw VarqWriterError.byteCount(tensor: "after the last", planned: 0, written: bytes.count)
    }
    let size = plan.format.byteCount(shape: plan.shape)
    guard bytes.count <= size - progress else {
      throw VarqWriterError.byteCount(
        tensor: plan.name, planned: size, written: progress + bytes.count)
    }
    if let tensor = file[plan.name], tensor.format == plan.format, tensor.shape == plan.shape {
      let start = tensor.bytes.lowerBound + progress
      let isSame = try unsafe file.file.withBytes(in: start..<start + bytes.count) { own in
        guard let own = own.baseAddress, let others = bytes.baseAddress else { return true }
        return unsafe memcmp(own, others, bytes.count) == 0
      }
      if !isSame { same.remove(plan.name) }
      file.file.release(start..<start + bytes.count)
    } else {
      same.remove(plan.name)
    }
    progress += bytes.count
    guard progress == size else { return }
    progress = 0
    index += 1
  }
}
