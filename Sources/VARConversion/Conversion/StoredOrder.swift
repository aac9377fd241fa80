internal import VARModel
internal import VARQuant

/// How the elements of a tensor are ordered upstream and in a `.varq` file.
struct StoredOrder {
  /// Rows and columns of the stored matrix.
  let rows: Int
  let columns: Int
  /// Of a convolution: channels and positions of a kernel, [Cin, kh·kw] in a row of the source.
  private let kernel: (channels: Int, positions: Int)?

  init(_ specification: TensorSpecification) {
    let shape = specification.upstreamShape
    rows = shape.first ?? 1
    columns = shape.dropFirst().reduce(1, *)
    if specification.role == .convolution, shape.count == 4 {
      kernel = (shape[1], shape[2] * shape[3])
    } else {
      kernel = nil
    }
  }

  /// Turns upstream rows into stored ones: [Cin, kh·kw] into [kh·kw, Cin] in each row.
  func fromUpstream(_ values: UnsafeMutableBufferPointer<Float>) {
    guard let kernel, kernel.positions > 1 else { return }
    unsafe transpose(values, kernel.channels, kernel.positions)
  }

  /// Turns stored rows into upstream ones, the other way round.
  func toUpstream(_ values: UnsafeMutableBufferPointer<Float>) {
    guard let kernel, kernel.positions > 1 else { return }
    unsafe transpose(values, kernel.positions, kernel.channels)
  }

  /// Transposes each row as a matrix [outer, inner].
  private func transpose(_ values: UnsafeMutableBufferPointer<Float>, _ outer: Int, _ inner: Int) {
    var row = [Float](repeating: 0, count: columns)
    for start in stride(from: 0, to: values.count, by: columns) {
      for i in 0..<outer {
        for j in 0..<inner { unsafe row[j * outer + i] = values[start + i * inner + j] }
      }
      for index in 0..<columns { unsafe values[start + index] = row[index] }
    }
  }
}
