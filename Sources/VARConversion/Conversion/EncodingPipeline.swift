internal import Dispatch
internal import Synchronization
internal import TensorBytes
internal import VARQuant

/// Encodes tensors on all cores, piece by piece, while what is encoded goes to a sink in the order of
/// the file.
///
/// Pieces are some whole rows; which ones does not depend on the number of threads, nor do the bytes.
/// Memory is bounded: two windows of pieces, of which one is encoded while the other is written.
final class EncodingPipeline {
  /// What each tensor has cost, by its index.
  private(set) var statistics: [QuantizationStatistics]

  private let sink: any TensorSink
  private let progress: (PlannedTensor, Int) -> Void
  /// The window that is encoded next, and the one that is written next.
  private var waiting = Window()
  private var encoded = Window()
  private let buffers = ValueBuffers()
  /// The parts after the first of the tensor that is being written.
  private var later: [[UInt8]] = []

  /// - Parameters:
  ///   - count: tensors, whose indices are given with them.
  ///   - progress: is told of each piece that was written, and its values, on the caller's thread.
  init(
    to sink: any TensorSink, count: Int, progress: @escaping (PlannedTensor, Int) -> Void
  ) {
    self.sink = sink
    self.progress = progress
    statistics = [QuantizationStatistics](repeating: .init(), count: count)
  }

  /// Takes in a tensor; its bytes may come to the sink only with ``flush()``.
  /// - Throws: what encoding or writing throws, the first in the order of the file.
  func add(_ tensor: PlannedTensor, index: Int) throws {
    for rows in (0..<tensor.source.rows).rowPieces(columns: tensor.source.columns) {
      waiting.add(Piece(tensor: tensor, index: index, rows: rows))
      if waiting.isFull { try turn() }
    }
  }

  /// Encodes and writes all that is left.
  func flush() throws {
    while waiting.count > 0 || encoded.count > 0 { try turn() }
  }

  /// Writes one window, and encodes the next.
  private func turn() throws {
    let failure = Mutex<(any Error)?>(nil)
    // Task 0 alone touches it.
    nonisolated(unsafe) let writer = self
    DispatchQueue.concurrentPerform(iterations: waiting.count + 1) {
      [waiting, encoded, buffers] task in
      if task > 0 { return waiting.slots[task - 1].encode(buffers) }
      do {
        try unsafe writer.write(encoded.slots.prefix(encoded.count))
      } catch {
        failure.withLock { $0 = error }
      }
    }
    if let error = failure.withLock({ $0 }) { throw error }
    for slot in encoded.slots.prefix(encoded.count) {
      if let piece = slot.piece { progress(piece.tensor, piece.count) }
    }
    encoded.clear()
    swap(&waiting, &encoded)
  }

  /// Hands the bytes of pieces to the sink, those before the first failure.
  private func write(_ slots: ArraySlice<Slot>) throws {
    var bytes: [ArraySlice<UInt8>] = []
    for slot in slots {
      if let failure = slot.failure {
        try sink.append(bytes)
        throw failure
      }
      bytes += take(slot)
    }
    try sink.append(bytes)
  }

  /// The bytes that a piece adds to the file: its own, and with a tensor's last piece its later parts.
  private func take(_ slot: Slot) -> [ArraySlice<UInt8>] {
    guard let piece = slot.piece else { return [] }
    statistics[piece.index].add(slot.statistics)
    var bytes = [slot.bytes[slot.parts[0]]]
    if later.isEmpty { later = slot.parts.dropFirst().map { _ in [] } }
    for (place, part) in slot.parts.dropFirst().enumerated() {
      later[place].append(contentsOf: slot.bytes[part])
    }
    guard piece.rows.upperBound == piece.tensor.source.rows else { return bytes }
    let layout = piece.layout(rows: piece.tensor.source.rows)
    for (place, part) in later.enumerated() {
      let gap = layout.parts[place + 1].lowerBound - layout.parts[place].upperBound
      bytes.append([UInt8](repeating: 0, count: gap)[...])
      bytes.append(part[...])
    }
    later = []
    return bytes
  }
}

/// Some rows of a tensor.
private struct Piece: Sendable {
  let tensor: PlannedTensor
  /// The tensor's.
  let index: Int
  let rows: Range<Int>

  /// Values.
  var count: Int { rows.count * tensor.source.columns }

  /// Where the parts of some rows lie that stand by themselves.
  func layout(rows: Int) -> FormatLayout {
    tensor.target.format.traits.layout(rows: rows, columns: tensor.source.columns)
  }
}

/// A piece and its bytes. The memory stays when another piece comes.
private final class Slot: @unchecked Sendable {
  // Unchecked: a task of its own encodes it, and the writer reads it in a later region of work.
  var piece: Piece?
  private(set) var bytes: [UInt8] = []
  /// The parts of the layout within the bytes.
  private(set) var parts: [Range<Int>] = []
  private(set) var statistics = QuantizationStatistics()
  private(set) var failure: (any Error)?

  /// Reads and encodes the piece.
  func encode(_ buffers: ValueBuffers) {
    guard let piece else { return }
    let source = piece.tensor.source
    var values = buffers.take(piece.count)
    defer { buffers.giveBack(values) }
    failure = nil
    do {
      parts = piece.layout(rows: piece.rows.count).parts
      bytes.removeAll(keepingCapacity: true)
      var encoder = TensorEncoder(
        piece.tensor.target.format, shape: [piece.rows.count, source.columns])
      try unsafe values.withUnsafeMutableBufferPointer { buffer in
        let values = unsafe UnsafeMutableBufferPointer(rebasing: buffer[..<piece.count])
        try unsafe source.read(piece.rows, into: values)
        try unsafe encoder.encode(UnsafeBufferPointer(values)) {
          unsafe bytes.append(contentsOf: $0)
        }
      }
      try unsafe encoder.finish { unsafe bytes.append(contentsOf: $0) }
      statistics = encoder.statistics
    } catch let error as EncodingError {
      failure = ConversionError.encoding(
        tensor: piece.tensor.name, error.moved(by: piece.rows.lowerBound * source.columns))
    } catch {
      failure = error
    }
  }
}

/// Pieces that are encoded at the same time.
private struct Window {
  /// The first `count` have a piece.
  let slots = (0..<16).map { _ in Slot() }
  private(set) var count = 0

  var isFull: Bool { count == slots.count }

  mutating func add(_ piece: Piece) {
    slots[count].piece = piece
    count += 1
  }

  mutating func clear() { count = 0 }
}

/// Memory for values, of as many pieces as threads have needed at once.
private final class ValueBuffers: Sendable {
  /// Guards ``free``, where ThreadSanitizer sees it: what one thread has written, another reuses.
  private let queue = DispatchQueue(label: "value buffers")
  private nonisolated(unsafe) var free: [[Float]] = []

  /// At least `count` numbers.
  func take(_ count: Int) -> [Float] {
    let buffer = queue.sync { unsafe free.popLast() } ?? []
    return buffer.count >= count ? buffer : [Float](repeating: 0, count: count)
  }

  func giveBack(_ buffer: [Float]) { queue.sync { unsafe free.append(buffer) } }
}
