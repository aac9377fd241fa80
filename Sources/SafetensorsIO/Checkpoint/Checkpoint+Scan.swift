internal import Synchronization
internal import TensorBytes

extension Checkpoint {
  /// Reads the files once, front to back, and hands out what is wanted of the bytes while they are
  /// at hand; their pages are given back on the way.
  ///
  /// Elements that the file holds in row-major order come as the pass goes by; those of views with
  /// strides and of deflated storages after it, by reading them once more. The CRC-32 of the
  /// tensors' storages are checked in the same pass.
  /// - Parameters:
  ///   - tensors: whose elements are wanted; they may share bytes.
  ///   - bytes: is given every byte of every file, with the file's index; nil to leave out whatever
  ///     holds no wanted tensor.
  ///   - pieceSize: bytes that are read at a time.
  ///   - elements: is given elements with the tensor's index in `tensors`, each tensor's in order.
  /// - Throws: ``CheckpointError/storage(path:tensor:_:)``, and what the closures throw.
  package func scan(
    _ tensors: [CheckpointTensor],
    bytes: ((_ file: Int, _ bytes: UnsafeRawBufferPointer) throws -> Void)? = nil,
    pieceSize: Int = Checkpoint.pieceSize,
    elements: (_ tensor: Int, _ elements: UnsafeRawBufferPointer) throws -> Void
  ) throws {
    // Many tensors may be the same bytes.
    for tensor in tensors where place(of: tensor) != nil {
      try charge(tensor, bytes: tensor.byteCount, times: 1, "reading its tensors")
    }
    for index in files.indices {
      var pass = ScanPass(self, file: index, tensors)
      for piece in (0..<files[index].count).pieces(of: pieceSize) {
        guard unsafe bytes != nil || pass.needs(piece) else { continue }
        try unsafe files[index].withBytes(in: piece) { try unsafe bytes?(index, $0) }
        try pass.verify(piece)
        try unsafe pass.handOut(piece, elements)
        files[index].release(piece)
      }
    }
    // By storage, so that a deflated one is inflated once.
    let others = tensors.indices.filter { place(of: tensors[$0]) == nil }
    for index in others.sorted(by: { tensors[$0].storage < tensors[$1].storage }) {
      try unsafe forEachPiece(of: tensors[index]) { try unsafe elements(index, $0) }
    }
  }
}

/// What a scan wants of one file.
private struct ScanPass {
  /// A tensor whose elements lie in the file in row-major order.
  private struct Region {
    let tensor: Int
    let range: Range<Int>
    let width: Int
    /// Where the elements begin that have not been handed out.
    var next: Int
  }

  /// A stored zip entry with a checksum.
  private struct Entry {
    let storage: Int
    let tensor: CheckpointTensor
    let range: Range<Int>
    let expected: UInt32
    var checksum: UInt32 = 0
  }

  private let checkpoint: Checkpoint
  private let file: MappedFile
  private var regions: [Region] = []
  private var entries: [Entry] = []

  init(_ checkpoint: Checkpoint, file index: Int, _ tensors: [CheckpointTensor]) {
    self.checkpoint = checkpoint
    file = checkpoint.files[index]
    let verified = checkpoint.state.withLock { $0.verified }
    var storages = verified
    for (position, tensor) in tensors.enumerated() {
      let location = checkpoint.storages[tensor.storage]
      guard location.file == index, let range = checkpoint.place(of: tensor) else { continue }
      regions.append(
        Region(
          tensor: position, range: range, width: tensor.type.byteWidth, next: range.lowerBound))
      if let expected = location.entry?.checksum, storages.insert(tensor.storage).inserted {
        entries.append(
          Entry(
            storage: tensor.storage, tensor: tensor, range: location.range, expected: expected))
      }
    }
  }

  /// Whether a piece of the file holds anything wanted.
  func needs(_ piece: Range<Int>) -> Bool {
    regions.contains { $0.range.overlaps(piece) } || entries.contains { $0.range.overlaps(piece) }
  }

  /// Takes a piece into the checksums; an entry that ends in it must have the right one.
  mutating func verify(_ piece: Range<Int>) throws {
    for index in entries.indices where entries[index].range.overlaps(piece) {
      let entry = entries[index]
      entries[index].checksum = try unsafe file.withBytes(in: piece.clamped(to: entry.range)) {
        unsafe CRC32.checksum($0, continuing: entry.checksum)
      }
      guard entry.range.upperBound <= piece.upperBound else { continue }
      let actual = entries[index].checksum
      guard actual == entry.expected else {
        throw checkpoint.failure(
          entry.tensor, .checksum(expected: entry.expected, actual: actual))
      }
      checkpoint.state.withLock { _ = $0.verified.insert(entry.storage) }
    }
  }

  /// Hands out the elements that end in a piece; one that it cuts comes with the next piece.
  mutating func handOut(
    _ piece: Range<Int>, _ body: (_ tensor: Int, _ elements: UnsafeRawBufferPointer) throws -> Void
  ) throws {
    for index in regions.indices where regions[index].range.overlaps(piece) {
      let region = regions[index]
      let reach = min(piece.upperBound, region.range.upperBound) - region.next
      let end = region.next + reach / region.width * region.width
      guard end > region.next else { continue }
      try unsafe file.withBytes(in: region.next..<end) { try unsafe body(region.tensor, $0) }
      regions[index].next = end
    }
  }
}
