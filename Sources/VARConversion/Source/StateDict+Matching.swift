internal import SafetensorsIO
internal import TensorBytes
internal import VARModel

extension StateDict {
  /// Checks that the half has exactly the tensors of its manifest, and buffers that may be dropped.
  /// - Throws: ``ArchitectureError``, and errors of reading the buffers.
  func match(_ configuration: ModelConfiguration) throws {
    var unknown = Set(tensors.keys)
    var missing: [String] = []
    var misshapen: [ArchitectureError.Misshapen] = []
    func check(_ name: String, _ shape: [Int], isRequired: Bool) {
      unknown.remove(ByteKey(name))
      guard let tensor = tensors[name: name] else {
        if isRequired { missing.append(name) }
        return
      }
      if tensor.shape != shape {
        misshapen.append(.init(tensor: name, expected: shape, actual: tensor.shape))
      }
    }
    let manifest = TensorManifest(configuration).tensors.filter { $0.half == half }
    for tensor in manifest { check(tensor.upstreamName, tensor.upstreamShape, isRequired: true) }
    let buffers = TensorManifest.rebuiltBuffers(of: configuration).filter { $0.half == half }
    for buffer in buffers { check(buffer.upstreamName, buffer.shape, isRequired: false) }
    guard missing.isEmpty, unknown.isEmpty, misshapen.isEmpty else {
      throw ArchitectureError.mismatch(
        path: path, missing: missing, surplus: unknown.map(\.text).sorted(), misshapen: misshapen)
    }
    for tensor in manifest { try checkType(tensor.upstreamName) }
    for buffer in buffers { try checkContent(of: buffer, configuration) }
  }

  private func checkType(_ name: String) throws(ArchitectureError) {
    guard let tensor = tensors[name: name], !tensor.type.isFloatingPoint else { return }
    if !tensor.isRead {
      throw .unreadType(path: path, tensor: name, type: tensor.typeName)
    }
    let type = tensor.type
    throw .notFloatingPoint(path: path, tensor: name, type: type)
  }

  /// A buffer is dropped only if it says what the runtime assumes.
  private func checkContent(
    of buffer: RebuiltBuffer, _ configuration: ModelConfiguration
  ) throws {
    guard let tensor = tensors[name: buffer.upstreamName] else { return }
    switch buffer.content {
    case .zeros:
      try checkType(buffer.upstreamName)
      let values = try checkpoint.floats(of: tensor)
      guard values.allSatisfy({ $0 == 0 }) else {
        throw ArchitectureError.keyBias(path: path, tensor: buffer.upstreamName)
      }
    case .mask:
      try checkType(buffer.upstreamName)
      try checkMask(tensor, configuration.transformer?.levels ?? [])
    // The levels were read to infer the patch numbers; the statistic says nothing.
    case .levels, .statistic: break
    }
    checkpoint.release(tensor)
  }

  /// Row i may see column j, with bias 0, where its scale is not coarser; otherwise the bias hides it.
  private func checkMask(_ mask: CheckpointTensor, _ levels: [Int]) throws {
    let count = levels.count
    var row = [Float](repeating: 0, count: count)
    for i in 0..<count {
      try unsafe row.withUnsafeMutableBufferPointer {
        try unsafe checkpoint.readFloats(of: mask, elements: i * count..<(i + 1) * count, into: $0)
      }
      for j in 0..<count {
        let isRight = levels[i] >= levels[j] ? row[j] == 0 : row[j] < Self.hidingBias
        if !isRight {
          throw ArchitectureError.attentionMask(path: path, row: i, column: j, value: row[j])
        }
      }
    }
  }

  /// −∞ officially; a large negative number hides a token as well, since exp of it is 0.
  private static let hidingBias: Float = -1000
}
