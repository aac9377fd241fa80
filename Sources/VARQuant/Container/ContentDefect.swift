internal import TensorBytes

/// What is wrong with the content of a tensor, which opening a file does not look at.
package enum ContentDefect: Error, Equatable, Sendable, CustomStringConvertible {
  /// The bytes are not those that were written.
  case checksum(tensor: String, expected: String, actual: String)
  /// A byte between the tensors, or between the parts of one, is not zero.
  case padding(offset: Int)
  /// A value is NaN or infinite.
  case notFinite(tensor: String, index: Int)
  /// A quant is −128, or not 0 although its scale is.
  case quant(tensor: String, index: Int, quant: Int8)
  /// A scale is negative, NaN or infinite.
  case scale(tensor: String, block: Int, bits: UInt16)
  /// A row's scale is negative, NaN or infinite.
  case rowScale(tensor: String, row: Int, bits: UInt16)
  /// A block's scale is −128, or not 0 although its row's is.
  case blockScale(tensor: String, block: Int, scale: Int8)
  /// A code is not the one that blocks whose scale is 0 have.
  case code(tensor: String, index: Int, code: UInt8)

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
    case .rowScale(let tensor, let row, let bits):
      "\(tensor): the scale of row \(row) is 0x\(String(bits, radix: 16)), "
        + "which is negative or not finite"
    case .blockScale(let tensor, let block, let scale):
      "\(tensor): the scale \(scale) of block \(block) is not allowed"
    case .code(let tensor, let index, let code):
      "\(tensor): the code \(code) of element \(index) is not allowed in a block whose scale is 0"
    }
  }
}

/// A tensor of a file is damaged.
package struct ContentError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The file.
  package let path: String
  /// The first defect in it.
  package let defect: ContentDefect

  /// The message for the user.
  package var description: String { "\(path): \(defect)" }
}

extension VarqFile {
  /// Reads every tensor and checks it, in the order of the file.
  /// - Throws: ``ContentError`` for the first that is damaged.
  package func checkContents() throws {
    for tensor in tensors {
      if let defect = try defect(of: tensor) { throw ContentError(path: path, defect: defect) }
    }
  }

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
    let parts = tensor.matrix.parts
    for (part, next) in zip(parts, parts.dropFirst()) {
      if let offset = try nonZero(in: part.upperBound..<next.lowerBound) {
        return .padding(offset: offset)
      }
    }
    return try tensor.format.traits.defect(of: tensor.matrix, named: tensor.name)
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
}
