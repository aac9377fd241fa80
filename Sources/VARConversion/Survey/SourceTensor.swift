package import SafetensorsIO
internal import TensorBytes
package import VARModel
package import VARQuant

/// A tensor that goes into a conversion: of a checkpoint, or of a `.varq` file that is converted once
/// more.
package struct SourceTensor: Sendable {
  /// Where it is.
  package enum Place: Sendable {
    /// In a checkpoint, in the order of PyTorch.
    case checkpoint(Checkpoint, CheckpointTensor)
    /// In a `.varq` file, in the order of such files.
    case varq(VarqFile, VarqTensor)
  }

  /// Where it is.
  package let place: Place
  private let order: StoredOrder

  /// Names a tensor.
  package init(_ place: Place, _ specification: TensorSpecification) {
    self.place = place
    order = StoredOrder(specification)
  }

  /// The file, or what names its shards.
  package var path: String {
    switch place {
    case .checkpoint(let checkpoint, _): checkpoint.path
    case .varq(let file, _): file.path
    }
  }

  /// Its name there.
  package var name: String {
    switch place {
    case .checkpoint(_, let tensor): tensor.name
    case .varq(_, let tensor): tensor.name
    }
  }

  /// The type of its elements there: in the spelling of safetensors, or the name of a format.
  package var typeName: String {
    switch place {
    case .checkpoint(_, let tensor): tensor.typeName
    case .varq(_, let tensor): tensor.format.name
    }
  }

  /// Number of elements.
  package var elementCount: Int { order.rows * order.columns }

  /// Bytes there.
  package var byteCount: Int {
    switch place {
    case .checkpoint(_, let tensor): tensor.byteCount
    case .varq(_, let tensor): tensor.bytes.count
    }
  }

  /// The format that holds exactly what is there; f32 for f64.
  var exactFormat: TensorFormat {
    switch place {
    case .checkpoint(_, let tensor):
      switch tensor.type {
      case .f16: .f16
      case .bf16: .bf16
      default: .f32
      }
    case .varq(_, let tensor): tensor.format
    }
  }

  /// Passes over the values as f32 in the order of a `.varq` file, some whole rows at a time, and
  /// gives the pages back.
  func forEachPiece(_ body: (UnsafeMutableBufferPointer<Float>) throws -> Void) throws {
    defer { release() }
    let pieces = (0..<order.rows).rowPieces(columns: order.columns)
    var buffer = [Float](repeating: 0, count: (pieces.first?.count ?? 0) * order.columns)
    for piece in pieces {
      try unsafe buffer.withUnsafeMutableBufferPointer { buffer in
        let values = unsafe UnsafeMutableBufferPointer(
          rebasing: buffer[..<(piece.count * order.columns)])
        try unsafe read(piece, into: values)
        try unsafe body(values)
      }
    }
  }

  /// Reads some rows as f32, [rows.count, K] in the order of a `.varq` file.
  func read(_ rows: Range<Int>, into values: UnsafeMutableBufferPointer<Float>) throws {
    switch place {
    case .checkpoint(let checkpoint, let tensor):
      let elements = rows.lowerBound * order.columns..<rows.upperBound * order.columns
      try unsafe checkpoint.readFloats(of: tensor, elements: elements, into: values)
      checkpoint.release(tensor, elements: elements)
      unsafe order.fromUpstream(values)
    case .varq(_, let tensor):
      try unsafe tensor.format.traits.decode(tensor.matrix, rows: rows, into: values)
    }
  }

  /// Columns of the stored matrix.
  var columns: Int { order.columns }
  /// Its rows.
  var rows: Int { order.rows }

  /// Lets the system take back the memory that reading brought in.
  func release() {
    switch place {
    case .checkpoint(let checkpoint, let tensor): checkpoint.release(tensor)
    case .varq(let file, let tensor): file.file.release(tensor.bytes)
    }
  }

  /// The tensor's bytes, if a `.varq` file has it in this format already.
  func stored(in format: TensorFormat) -> (file: VarqFile, bytes: Range<Int>)? {
    guard case .varq(let file, let tensor) = place, tensor.format == format else { return nil }
    return (file, tensor.bytes)
  }
}
