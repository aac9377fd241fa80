internal import TensorBytes

/// Puts rows of codes and scales into the parts of a ``BlockFormat``'s layout.
///
/// Rows come in order, to ``append(_:_:_:)``; the first plane goes straight to the sink, the rest is
/// kept to the end: a bit or two and a quarter or half of one for the scales, a weight.
package struct BlockRowWriter {
  private let columns: Int
  private let layout: FormatLayout
  private let planes: CodePlanes
  /// The parts after the first.
  private var later: [[UInt8]]
  private var buffer: [UInt8]

  /// Begins a tensor [N, K]; nil if the format is no ``BlockFormat``.
  package init?(_ format: TensorFormat, rows: Int, columns: Int) {
    guard let traits = format.traits as? any BlockFormat else { return nil }
    self.init(traits, rows: rows, columns: columns)
  }

  init(_ traits: any BlockFormat, rows: Int, columns: Int) {
    self.columns = columns
    layout = traits.layout(rows: rows, columns: columns)
    planes = CodePlanes(bits: traits.bits)
    later = layout.parts.dropFirst().map { part in
      var bytes: [UInt8] = []
      bytes.reserveCapacity(part.count)
      return bytes
    }
    buffer = [UInt8](repeating: 0, count: columns / 2)
  }

  /// Adds a row.
  /// - Parameters:
  ///   - codes: one a weight, K.
  ///   - sink: is given the row's bytes of the first plane, which are valid during the call.
  package mutating func append(
    _ codes: [UInt8], _ scales: RowScales,
    _ sink: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    var shift = 0
    for (index, width) in planes.widths.enumerated() {
      let size = columns * width / 8
      try unsafe buffer.withUnsafeMutableBufferPointer { buffer in
        let plane = unsafe UnsafeMutableBufferPointer(rebasing: buffer[..<size])
        unsafe codes.withUnsafeBufferPointer {
          unsafe CodePlanes.pack($0, width: width, shift: shift, into: plane)
        }
        if index > 0 {
          unsafe later[index - 1].append(contentsOf: plane)
        } else {
          try unsafe sink(UnsafeRawBufferPointer(plane))
        }
      }
      shift += width
    }
    later[later.count - 2].append(contentsOf: scales.scale8.map { UInt8(bitPattern: $0) })
    later[later.count - 1].append(littleEndian: scales.row16)
  }

  /// Gives the sink the parts after the first, with the padding before each.
  package mutating func finish(_ sink: (UnsafeRawBufferPointer) throws -> Void) throws {
    for (index, bytes) in later.enumerated() {
      let gap = layout.parts[index + 1].lowerBound - layout.parts[index].upperBound
      try unsafe [UInt8](repeating: 0, count: gap).withUnsafeBytes(sink)
      try unsafe bytes.withUnsafeBytes(sink)
    }
  }
}

/// Encodes rows with searched scales and nearest codes.
struct BlockEncoder: FormatEncoder {
  private(set) var statistics = QuantizationStatistics()
  private let columns: Int
  private let quantizer: BlockQuantizer
  private var writer: BlockRowWriter
  /// Values of a row that is not complete.
  private var pending: [Float] = []

  init(_ traits: any BlockFormat, rows: Int, columns: Int) {
    self.columns = columns
    quantizer = BlockQuantizer(TensorFormat(traits), traits)
    writer = BlockRowWriter(traits, rows: rows, columns: columns)
  }

  mutating func encode(
    _ values: UnsafeBufferPointer<Float>, _ sink: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    var start = 0
    while start < values.count {
      let count = min(columns - pending.count, values.count - start)
      let piece = unsafe UnsafeBufferPointer(rebasing: values[start..<start + count])
      start += count
      if count == columns {
        try unsafe encodeRow(piece, sink)
        continue
      }
      unsafe pending.append(contentsOf: piece)
      guard pending.count == columns else { continue }
      let row = pending
      pending.removeAll(keepingCapacity: true)
      try unsafe row.withUnsafeBufferPointer { try unsafe encodeRow($0, sink) }
    }
  }

  private mutating func encodeRow(
    _ row: UnsafeBufferPointer<Float>, _ sink: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    let scales: RowScales
    do {
      scales = try unsafe quantizer.scales(row)
    } catch {
      throw error.moved(by: statistics.count)
    }
    let codes = unsafe quantizer.codes(row, scales)
    for (index, code) in codes.enumerated() {
      let decoded = quantizer.value(code) * scales.scale(index / quantizer.scaleSize)
      unsafe statistics.add(row[index], decoded)
    }
    try unsafe writer.append(codes, scales, sink)
  }

  mutating func finish(_ sink: (UnsafeRawBufferPointer) throws -> Void) throws {
    try unsafe writer.finish(sink)
  }
}

extension EncodingError {
  /// The same error for an index counted from elsewhere.
  package func moved(by offset: Int) -> EncodingError {
    switch self {
    case .notFinite(let index): .notFinite(index: index + offset)
    case .changed(let index): .changed(index: index + offset)
    case .outOfRange(let format, let index, let value):
      .outOfRange(format: format, index: index + offset, value: value)
    }
  }
}
