internal import Synchronization
internal import TensorBytes

extension Checkpoint {
  /// Lends the whole storage of a tensor: from the file, or inflated.
  func withStorage<R>(
    of tensor: CheckpointTensor, _ body: (UnsafeRawBufferPointer) throws -> R
  ) throws -> R {
    let location = storages[tensor.storage]
    let file = files[location.file]
    if let entry = location.entry, entry.isDeflated {
      let content = try reporting(tensor) { try inflated(tensor.storage, entry, file) }
      return try unsafe content.withBytes(body)
    }
    if let entry = location.entry {
      try reporting(tensor) { try verify(tensor.storage, entry, file) }
    }
    return try unsafe file.withBytes(in: location.range, body)
  }

  /// The content of a deflated storage. One is kept, for reading it piece by piece.
  private func inflated(_ storage: Int, _ entry: ZipEntry, _ file: MappedFile) throws -> HeapBytes {
    let known = state.withLock { $0.inflated?.storage == storage ? $0.inflated?.content : nil }
    if let known { return known }
    let content = try Inflater.inflate(file, entry)
    file.release(entry.range)
    try unsafe content.withBytes { try unsafe Inflater.verify($0, entry.checksum) }
    state.withLock { $0.inflated = (storage, content) }
    return content
  }

  /// Checks a stored entry's CRC-32 once, piece by piece so that little memory is touched at once.
  private func verify(_ storage: Int, _ entry: ZipEntry, _ file: MappedFile) throws {
    guard let expected = entry.checksum,
      !state.withLock({ $0.verified.contains(storage) })
    else { return }
    var checksum: UInt32 = 0
    for piece in entry.range.pieces(of: Self.pieceSize) {
      checksum = try unsafe file.withBytes(in: piece) {
        unsafe Inflater.checksum($0, continuing: checksum)
      }
      file.release(piece)
    }
    guard checksum == expected else {
      throw StorageError.checksum(expected: expected, actual: checksum)
    }
    state.withLock { _ = $0.verified.insert(storage) }
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
    guard let columns = shape.last, let stride = strides.last else { return }
    var position = elements.lowerBound
    while position < elements.upperBound {
      let run = min(columns - position % columns, elements.upperBound - position)
      let source = byteOffset + offset(of: position) * width
      let start = (position - elements.lowerBound) * width
      for index in 0..<run {
        let value = unsafe storage.loadUnaligned(
          fromByteOffset: source + index * stride * width, as: T.self)
        unsafe target.storeBytes(of: value, toByteOffset: start + index * width, as: T.self)
      }
      position += run
    }
  }

  /// Distance, in elements, of an element from the first.
  private func offset(of position: Int) -> Int {
    var rest = position
    var offset = 0
    for axis in shape.indices.reversed() {
      offset += rest % shape[axis] * strides[axis]
      rest /= shape[axis]
    }
    return offset
  }
}
