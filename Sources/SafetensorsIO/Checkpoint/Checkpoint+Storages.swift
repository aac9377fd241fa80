internal import Synchronization
internal import TensorBytes

extension Checkpoint {
  /// Deflated storages of more bytes are inflated piece by piece, where that is possible.
  static let wholeLimit = 32 << 20

  /// Lends bytes of the storage of a tensor: from the file, or inflated.
  func withStorage<R>(
    of tensor: CheckpointTensor, in range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws -> R
  ) throws -> R {
    let location = storages[tensor.storage]
    let file = files[location.file]
    guard let entry = location.entry else {
      let start = location.range.lowerBound
      return try unsafe file.withBytes(
        in: start + range.lowerBound..<start + range.upperBound, body)
    }
    if entry.isDeflated {
      let (content, start) = try reporting(tensor) {
        try inflated(tensor, entry, file, range)
      }
      return try unsafe content.withBytes { bytes in
        try unsafe body(
          UnsafeRawBufferPointer(
            rebasing: bytes[range.lowerBound - start..<range.upperBound - start]))
      }
    }
    try reporting(tensor) { try verify(tensor.storage, entry, file) }
    let start = location.range.lowerBound
    return try unsafe file.withBytes(
      in: start + range.lowerBound..<start + range.upperBound, body)
  }

  /// Inflated bytes around a range, and where they begin in the storage.
  private func inflated(
    _ tensor: CheckpointTensor, _ entry: ZipEntry, _ file: MappedFile, _ range: Range<Int>
  ) throws -> (HeapBytes, start: Int) {
    let storage = tensor.storage
    return try state.withLock { state in
      if let known = state.inflated, known.storage == storage { return (known.content, 0) }
      guard entry.size > Self.wholeLimit && tensor.layout.isContiguous else {
        // Only one is kept.
        state.inflated = nil
        try state.charge(entry.size, times: Inflater.byteSteps, "inflating its storages")
        try state.borrow(entry.size, "inflated storages")
        let content = try Inflater.inflate(file, entry)
        file.release(entry.range)
        state.inflated = (storage, content)
        return (content, 0)
      }
      return (try state.piece(of: storage, entry, file, range), range.lowerBound)
    }
  }

  /// Checks a stored entry's CRC-32 once, piece by piece so that little memory is touched at once.
  private func verify(_ storage: Int, _ entry: ZipEntry, _ file: MappedFile) throws {
    guard let expected = entry.checksum,
      !state.withLock({ $0.verified.contains(storage) })
    else { return }
    var checksum: UInt32 = 0
    for piece in entry.range.pieces(of: Self.pieceSize) {
      checksum = try unsafe file.withBytes(in: piece) {
        unsafe CRC32.checksum($0, continuing: checksum)
      }
      file.release(piece)
    }
    guard checksum == expected else {
      throw StorageError.checksum(expected: expected, actual: checksum)
    }
    state.withLock { _ = $0.verified.insert(storage) }
  }

  /// Charges what reading a tensor's elements costs, so that few bytes are not read for ever.
  func charge(_ tensor: CheckpointTensor, bytes: Int, times step: Int, _ what: String) throws {
    try reporting(tensor) { try state.withLock { try $0.charge(bytes, times: step, what) } }
  }
}

extension StorageState {
  /// Charges work.
  mutating func charge(_ count: Int, times step: Int, _ what: String) throws(StorageError) {
    do throws(BudgetError) {
      try budget.work(count, times: step, what)
    } catch { throw .budget(error) }
  }

  /// Checks memory that is given back.
  func borrow(_ bytes: Int, _ what: String) throws(StorageError) {
    do throws(BudgetError) { try budget.borrow(bytes, what) } catch { throw .budget(error) }
  }

  /// Bytes of a deflated storage, which is inflated from where it stands, or from the front; before
  /// its first byte is lent all of it is inflated once, to check it.
  mutating func piece(
    of storage: Int, _ entry: ZipEntry, _ file: MappedFile, _ range: Range<Int>
  ) throws -> HeapBytes {
    let scratch = try HeapBytes(count: Checkpoint.pieceSize)
    func advance(_ inflater: InflateStream, to end: Int) throws {
      while inflater.position < end {
        let count = min(scratch.count, end - inflater.position)
        try unsafe inflater.read(
          into: UnsafeMutableRawBufferPointer(rebasing: scratch.mutableBytes[..<count]))
      }
    }
    if !verified.contains(storage) {
      try charge(entry.size, times: Inflater.byteSteps, "inflating its storages")
      try advance(InflateStream(file, entry), to: entry.size)
      verified.insert(storage)
    }
    if stream?.storage != storage || stream.map({ $0.inflater.position > range.lowerBound }) == true
    {
      stream = (storage, try InflateStream(file, entry))
    }
    try borrow(range.count, "inflated storages")
    let piece = try HeapBytes(count: range.count)
    guard let inflater = stream?.inflater else { return piece }
    try charge(
      range.upperBound - inflater.position, times: Inflater.byteSteps, "inflating its storages")
    try advance(inflater, to: range.lowerBound)
    try unsafe inflater.read(into: piece.mutableBytes)
    return piece
  }
}

extension TensorLayout {
  /// Copies elements, by row-major index, of a view with any strides to contiguous bytes.
  func gather(
    _ elements: Range<Int>, from storage: UnsafeRawBufferPointer,
    into target: UnsafeMutableRawBufferPointer
  ) {
    switch type.byteWidth {
    case 8: unsafe gather(UInt64.self, elements, storage, target)
    case 4: unsafe gather(UInt32.self, elements, storage, target)
    case 2: unsafe gather(UInt16.self, elements, storage, target)
    default: unsafe gather(UInt8.self, elements, storage, target)
    }
  }

  /// Elements are moved as integers of their width; runs along the last dimension share an offset.
  private func gather<T: FixedWidthInteger & BitwiseCopyable>(
    _ element: T.Type, _ elements: Range<Int>, _ storage: UnsafeRawBufferPointer,
    _ target: UnsafeMutableRawBufferPointer
  ) {
    let width = MemoryLayout<T>.size
    let (shape, strides) = merged
    guard let columns = shape.last, let stride = strides.last else { return }
    var position = elements.lowerBound
    while position < elements.upperBound {
      let run = min(columns - position % columns, elements.upperBound - position)
      let source = byteOffset + Self.offset(of: position, shape, strides) * width
      let start = (position - elements.lowerBound) * width
      for index in 0..<run {
        let value = unsafe storage.loadUnaligned(
          fromByteOffset: source + index * stride * width, as: T.self)
        unsafe target.storeBytes(of: value, toByteOffset: start + index * width, as: T.self)
      }
      position += run
    }
  }

  /// The same elements with as few dimensions as will do.
  private var merged: (shape: [Int], strides: [Int]) {
    var merged: (shape: [Int], strides: [Int]) = ([], [])
    for (dimension, stride) in zip(shape, strides) where dimension != 1 {
      if let last = merged.shape.indices.last, merged.strides[last] == stride * dimension {
        merged.shape[last] *= dimension
        merged.strides[last] = stride
      } else {
        merged.shape.append(dimension)
        merged.strides.append(stride)
      }
    }
    return merged.shape.isEmpty ? ([1], [1]) : merged
  }

  /// Distance, in elements, of an element from the first.
  private static func offset(of position: Int, _ shape: [Int], _ strides: [Int]) -> Int {
    var rest = position
    var offset = 0
    for axis in shape.indices.reversed() {
      offset += rest % shape[axis] * strides[axis]
      rest /= shape[axis]
    }
    return offset
  }
}
