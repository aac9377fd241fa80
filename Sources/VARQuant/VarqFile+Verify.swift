internal import TensorBytes

/// What is wrong with the content of a tensor, which opening a file does not look at.
package enum ContentDefect: Error, Equatable, Sendable, CustomStringConvertible {
  /// The bytes are not those that were written.
  case checksum(tensor: String, expected: String, actual: String)
  /// A byte between the tensors is not zero.
  case padding(offset: Int)
  /// A value is NaN or infinite.
  case notFinite(tensor: String, index: Int)
  /// A quant is −128, or not 0 although its scale is.
  case quant(tensor: String, index: Int, quant: Int8)
  /// A scale is negative, NaN or infinite.
  case scale(tensor: String, block: Int, bits: UInt16)

  /// The message for the user.
  package var description: String {
    switch self {
    case .checksum(let tensor, let expected, let actual):
      "\(tensor): the SHA-256 is \(actual), not \(expected): the file is damaged; copy it again"
    case .padding(let offset):
      "the byte at offset \(offset), between two tensors, is not zero"
    case .notFinite(let tensor, let index):
      "\(tensor): element \(index) is NaN or infinite"
    case .quant(let tensor, let index, let quant):
      "\(tensor): the quant \(quant) of element \(index) is not allowed"
    case .scale(let tensor, let block, let bits):
      "\(tensor): the scale of block \(block) is 0x\(String(bits, radix: 16)), "
        + "which is negative or not finite"
    }
  }
}

extension VarqFile {
  /// Reads the padding before a tensor and the tensor, and checks every rule of the format.
  ///
  /// Its pages are released afterwards.
  /// - Returns: The first defect, nil for a sound tensor.
  package func defect(of tensor: VarqTensor) throws -> ContentDefect? {
    defer { file.release(tensor.bytes) }
    if let offset = try paddingDefect(before: tensor) { return .padding(offset: offset) }
    let digest = try SHA256Digest.digest(of: file, in: tensor.bytes)
    if digest != tensor.checksum {
      return .checksum(
        tensor: tensor.name, expected: SHA256Digest.hex(tensor.checksum),
        actual: SHA256Digest.hex(digest))
    }
    return tensor.format == .q8 ? try blockDefect(of: tensor) : try valueDefect(of: tensor)
  }

  /// Where a byte between the tensor and the one before it is not zero.
  private func paddingDefect(before tensor: VarqTensor) throws -> Int? {
    let index = self.index(of: tensor.name) ?? 0
    let start = index > 0 ? tensors[index - 1].bytes.upperBound : dataStart
    return try nonZero(in: start..<tensor.bytes.lowerBound)
  }

  private func nonZero(in range: Range<Int>) throws -> Int? {
    try unsafe file.withBytes(in: range) { bytes in
      unsafe bytes.firstIndex { $0 != 0 }.map { range.lowerBound + $0 }
    }
  }

  private func valueDefect(of tensor: VarqTensor) throws -> ContentDefect? {
    let matrix = tensor.matrix
    let step = max(1, (1 << 18) / matrix.columns)
    for start in stride(from: 0, to: matrix.rows, by: step) {
      let values = try matrix.floats(rows: start..<min(start + step, matrix.rows))
      if let index = values.firstIndex(where: { !$0.isFinite }) {
        return .notFinite(tensor: tensor.name, index: start * matrix.columns + index)
      }
    }
    return nil
  }

  private func blockDefect(of tensor: VarqTensor) throws -> ContentDefect? {
    guard let scales = tensor.matrix.scales else { return nil }
    let data = tensor.matrix.data
    if let offset = try nonZero(in: data.upperBound..<scales.lowerBound) {
      return .padding(offset: offset)
    }
    return try unsafe file.withBytes(in: data) { quants in
      try unsafe file.withBytes(in: scales) { scales in
        unsafe Self.blockDefect(tensor.name, quants, scales)
      }
    }
  }

  private static func blockDefect(
    _ name: String, _ quants: UnsafeRawBufferPointer, _ scales: UnsafeRawBufferPointer
  ) -> ContentDefect? {
    let size = TensorFormat.blockSize
    for block in 0..<scales.count / 2 {
      let bits = unsafe scales.loadUnaligned(fromByteOffset: 2 * block, as: UInt16.self)
      guard bits < 0x7C00 else { return .scale(tensor: name, block: block, bits: bits) }
      let range = block * size..<(block + 1) * size
      let bad = range.first { unsafe bits == 0 ? quants[$0] != 0 : quants[$0] == 0x80 }
      if let bad {
        return unsafe .quant(tensor: name, index: bad, quant: Int8(bitPattern: quants[bad]))
      }
    }
    return nil
  }
}
