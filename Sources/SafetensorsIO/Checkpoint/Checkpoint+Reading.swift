internal import Synchronization
internal import TensorBytes

extension Checkpoint {
  /// Lends the elements of a tensor as contiguous little-endian bytes in row-major order.
  ///
  /// Without a copy where the file holds them so; gathered into memory otherwise. A checksum that
  /// the file has for them is checked at the first access.
  /// - Parameter elements: A part of the tensor, by row-major index; all of it by default.
  /// - Throws: ``CheckpointError/storage(path:tensor:_:)``, and what `body` throws.
  package func withContiguousBytes<R>(
    of tensor: CheckpointTensor, elements: Range<Int>? = nil,
    _ body: (UnsafeRawBufferPointer) throws -> R
  ) throws -> R {
    let layout = tensor.layout
    let elements = elements ?? 0..<layout.elementCount
    guard elements.lowerBound >= 0, elements.upperBound <= layout.elementCount else {
      throw failure(tensor, .outOfBounds(elements: elements, count: layout.elementCount))
    }
    let width = layout.type.byteWidth
    let count = elements.count * width
    if layout.isContiguous || elements.isEmpty {
      try charge(tensor, bytes: count, times: 1, "reading its tensors")
      let start = elements.isEmpty ? 0 : layout.byteOffset + elements.lowerBound * width
      return try unsafe withStorage(of: tensor, in: start..<start + count, body)
    }
    try charge(tensor, bytes: count, times: Self.gatherSteps, "reading its tensors")
    let gathered = try reporting(tensor) { () throws in
      try state.withLock { try $0.borrow(count, "strided tensors") }
      return try HeapBytes(count: count)
    }
    try unsafe withStorage(of: tensor, in: layout.reach) { storage in
      unsafe layout.gather(elements, from: storage, into: gathered.mutableBytes)
    }
    return try unsafe gathered.withBytes(body)
  }

  /// What a byte of a strided tensor costs in steps of the budget, and one that is hashed.
  private static let gatherSteps = 4
  private static let digestSteps = 4

  /// Passes over a tensor's row-major bytes in pieces of a megabyte, releasing the pages.
  /// - Throws: as ``withContiguousBytes(of:elements:_:)``.
  package func forEachPiece(
    of tensor: CheckpointTensor, _ body: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    for piece in (0..<tensor.elementCount).pieces(of: Self.pieceSize / tensor.type.byteWidth) {
      try unsafe withContiguousBytes(of: tensor, elements: piece, body)
      release(tensor, elements: piece)
    }
    release(tensor)
  }

  /// Reads floating-point elements as f32 (f64 is rounded).
  /// - Parameters:
  ///   - elements: A part of the tensor, by row-major index; all of it by default.
  ///   - target: Room for that many numbers at least.
  /// - Throws: ``CheckpointError/storage(path:tensor:_:)``, also if the type is no floating-point
  ///   one or the room does not suffice.
  package func readFloats(
    of tensor: CheckpointTensor, elements: Range<Int>? = nil,
    into target: UnsafeMutableBufferPointer<Float>
  ) throws {
    if let foreign = tensor.foreign { throw failure(tensor, .foreignType(foreign.name)) }
    guard tensor.type.isFloatingPoint else { throw failure(tensor, .notFloatingPoint(tensor.type)) }
    let elements = elements ?? 0..<tensor.elementCount
    guard elements.count <= target.count else {
      throw failure(tensor, .outOfBounds(elements: elements, count: target.count))
    }
    try unsafe withContiguousBytes(of: tensor, elements: elements) { bytes in
      _ = unsafe tensor.type.convertToFloats(bytes, into: target)
    }
  }

  /// All elements of a floating-point tensor as f32.
  /// - Throws: as ``readFloats(of:elements:into:)``.
  package func floats(of tensor: CheckpointTensor) throws -> [Float] {
    try reporting(tensor) {
      try state.withLock { try $0.borrow(4 * tensor.elementCount, "floats") }
    }
    return try unsafe [Float](unsafeUninitializedCapacity: tensor.elementCount) { buffer, count in
      try unsafe readFloats(
        of: tensor, into: UnsafeMutableBufferPointer(rebasing: buffer[..<tensor.elementCount]))
      count = tensor.elementCount
    }
  }

  /// All elements of an integer tensor; unsigned 64-bit numbers beyond Int.max wrap.
  /// - Throws: as ``withContiguousBytes(of:elements:_:)``, also for floating-point types.
  package func integers(of tensor: CheckpointTensor) throws -> [Int] {
    if let foreign = tensor.foreign { throw failure(tensor, .foreignType(foreign.name)) }
    return try unsafe withContiguousBytes(of: tensor) { bytes in
      func read<T: FixedWidthInteger & BitwiseCopyable>(_ type: T.Type) -> [Int] {
        (0..<tensor.elementCount).map { index in
          let offset = index * MemoryLayout<T>.size
          return unsafe Int(
            truncatingIfNeeded: T(
              littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: T.self)))
        }
      }
      switch tensor.type {
      case .i64: return read(Int64.self)
      case .i32: return read(Int32.self)
      case .i16: return read(Int16.self)
      case .i8: return read(Int8.self)
      case .u64: return read(UInt64.self)
      case .u32: return read(UInt32.self)
      case .u16: return read(UInt16.self)
      case .u8, .bool: return read(UInt8.self)
      case .f64, .f32, .f16, .bf16: throw failure(tensor, .notInteger(tensor.type))
      }
    }
  }

  /// The SHA-256 of each tensor's elements, in order; what shares storage and layout is hashed once.
  /// - Throws: as ``digest(of:)``.
  package func digests() throws -> [[UInt8]] {
    var digests = [[UInt8]](repeating: [], count: tensors.count)
    var previous: Int?
    // By storage, so that a deflated one is inflated once; equal layouts come one after the other.
    let order = tensors.indices.sorted { a, b in
      let (one, two) = (tensors[a], tensors[b])
      return one.storage == two.storage
        ? one.layout.precedes(two.layout) : one.storage < two.storage
    }
    for index in order {
      let tensor = tensors[index]
      if let previous, tensors[previous].storage == tensor.storage,
        tensors[previous].layout == tensor.layout
      {
        digests[index] = digests[previous]
      } else {
        digests[index] = try digest(of: tensor)
      }
      previous = index
    }
    return digests
  }

  /// The SHA-256 of a tensor's row-major little-endian bytes.
  /// - Throws: as ``withContiguousBytes(of:elements:_:)``, and `DigestError`.
  package func digest(of tensor: CheckpointTensor) throws -> [UInt8] {
    try charge(tensor, bytes: tensor.byteCount, times: Self.digestSteps, "hashing its tensors")
    let digest = try SHA256Digest()
    try unsafe forEachPiece(of: tensor) { try unsafe digest.update($0) }
    return try digest.finalize()
  }

  /// Lets the system take back the memory that reading a tensor brought in.
  package func release(_ tensor: CheckpointTensor) {
    let location = storages[tensor.storage]
    files[location.file].release(location.range)
    guard let entry = location.entry, entry.size > Self.wholeLimit else { return }
    state.withLock { state in
      if state.inflated?.storage == tensor.storage { state.inflated = nil }
    }
  }

  /// Bytes of a file that are at work at a time.
  package static let pieceSize = 1 << 20

  func failure(_ tensor: CheckpointTensor, _ error: StorageError) -> CheckpointError {
    .storage(path: files[storages[tensor.storage].file].path, tensor: tensor.name, error)
  }

  /// Gives a storage's error the names of file and tensor.
  func reporting<R>(
    _ tensor: CheckpointTensor, _ body: () throws -> R
  ) throws -> R {
    do {
      return try body()
    } catch let error as StorageError {
      throw failure(tensor, error)
    }
  }

  /// The same for a part of a tensor's elements; without effect where they have no place of their own.
  package func release(_ tensor: CheckpointTensor, elements: Range<Int>) {
    guard let range = place(of: tensor) else { return }
    let width = tensor.type.byteWidth
    files[storages[tensor.storage].file].release(
      range.lowerBound + elements.lowerBound * width..<range.lowerBound + elements.upperBound
        * width)
  }

  /// Where the file holds a tensor's elements in row-major order, if it does.
  func place(of tensor: CheckpointTensor) -> Range<Int>? {
    let location = storages[tensor.storage]
    guard tensor.layout.isContiguous, location.entry?.isDeflated != true else { return nil }
    let start = location.range.lowerBound + tensor.layout.byteOffset
    return start..<start + tensor.byteCount
  }
}
