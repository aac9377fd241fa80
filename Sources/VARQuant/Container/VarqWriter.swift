internal import Dispatch
package import TensorBytes

/// Why a `.varq` file cannot be written as planned.
package enum VarqWriterError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The plan breaks a rule of the format.
  case plan(VarqDefect)
  /// A tensor's bytes do not have the planned size: more came, or fewer before the end.
  case byteCount(tensor: String, planned: Int, written: Int)

  /// The message for the user.
  package var description: String {
    switch self {
    case .plan(let defect): "\(defect)"
    case .byteCount(let tensor, let planned, let written):
      "tensor \(tensor) has \(planned) bytes, but \(written) were written"
    }
  }
}

/// Writes a `.varq` file from front to back: all sizes are planned, the contents stream through.
///
/// The tensors' bytes are appended in the order of the plan. Header and table, which hold the
/// checksums, are written last, into the room left for them; then the file appears under its name.
/// The same plan and bytes give the same file.
package final class VarqWriter: TensorSink {
  private let output: AtomicFileWriter
  private var metadata: [UInt8]
  private let entryCount: Int
  private let tensors: [(plan: TensorPlan, byteCount: Int)]
  private let tableSize: Int
  /// Where the tensors lie that are complete.
  private var offsets: [Int] = []
  /// Bytes of the current tensor that came.
  private var progress = 0
  private let digests: TensorDigests
  /// Where bytes are hashed while others are written.
  private let hashing = DispatchQueue(label: "SHA-256 of tensors")

  /// Begins a file.
  /// - Throws: ``VarqWriterError/plan(_:)``, `FileError`, `DigestError`.
  package init(
    _ file: OutputFile, metadata: Metadata, tensors: [TensorPlan]
  ) throws {
    do throws(VarqDefect) {
      self.metadata = try metadata.encoded()
      self.tensors = try tensors.map { plan throws(VarqDefect) in
        (plan, try Self.byteCount(of: plan))
      }
      entryCount = metadata.values.count
      tableSize = tensors.reduce(0) {
        $0 + VarqLayout.tableEntrySize(name: $1.name, rank: $1.shape.count)
      }
      try Self.check(self.metadata.count, tableSize, entryCount, tensors)
    } catch {
      throw VarqWriterError.plan(error)
    }
    output = try AtomicFileWriter(file)
    digests = TensorDigests(self.tensors.map(\.byteCount))
    try output.append(
      [UInt8](repeating: 0, count: VarqLayout.headerSize + self.metadata.count + tableSize))
    try beginTensor()
  }

  /// The tensor whose bytes come next, nil after the last one.
  package var current: TensorPlan? {
    offsets.count < tensors.count ? tensors[offsets.count].plan : nil
  }

  /// The size that the file will have.
  package static func fileSize(metadata: Metadata, tensors: [TensorPlan]) throws -> Int {
    do throws(VarqDefect) {
      var end = try VarqLayout.headerSize + metadata.encoded().count
      for plan in tensors {
        end += VarqLayout.tableEntrySize(name: plan.name, rank: plan.shape.count)
      }
      for plan in tensors {
        let count = try byteCount(of: plan)
        end = VarqLayout.offset(after: end, byteCount: count) + count
      }
      return end
    } catch {
      throw VarqWriterError.plan(error)
    }
  }

  /// Adds bytes to the current tensor; when it has all of them, the next one becomes current.
  /// - Throws: ``VarqWriterError/byteCount(tensor:planned:written:)`` for bytes beyond its end.
  package func append(_ bytes: UnsafeRawBufferPointer) throws {
    try unsafe write(bytes)
    try unsafe digests.update(bytes)
  }

  /// Adds many bytes, which one thread writes while another hashes them.
  /// - Throws: as ``append(_:)-(UnsafeRawBufferPointer)``.
  package func append(_ parts: [ArraySlice<UInt8>]) throws {
    let hashed = DispatchGroup()
    let outcome = HashingOutcome()
    hashing.async(group: hashed) { [digests] in
      do {
        for part in parts { try unsafe part.withUnsafeBytes { try unsafe digests.update($0) } }
      } catch {
        outcome.failure = error
      }
    }
    defer { hashed.wait() }
    for part in parts { try unsafe part.withUnsafeBytes { try unsafe write($0) } }
    hashed.wait()
    if let failure = outcome.failure { throw failure }
  }

  private func write(_ bytes: UnsafeRawBufferPointer) throws {
    guard offsets.count < tensors.count else {
      throw VarqWriterError.byteCount(tensor: "after the last", planned: 0, written: bytes.count)
    }
    let (plan, byteCount) = tensors[offsets.count]
    guard bytes.count <= byteCount - progress else {
      throw VarqWriterError.byteCount(
        tensor: plan.name, planned: byteCount, written: progress + bytes.count)
    }
    try unsafe output.append(bytes)
    progress += bytes.count
    if progress == byteCount { try endTensor() }
  }

  /// Gives the file other metadata, of the same keys and sizes: what is known only once tensors are
  /// written.
  /// - Throws: ``VarqWriterError/plan(_:)``.
  package func replace(_ metadata: Metadata) throws {
    do throws(VarqDefect) {
      let encoded = try metadata.encoded()
      precondition(
        encoded.count == self.metadata.count && metadata.values.count == entryCount,
        "metadata of another size")
      self.metadata = encoded
    } catch {
      throw VarqWriterError.plan(error)
    }
  }

  /// Writes header and table, and gives the file its name.
  /// - Throws: ``VarqWriterError/byteCount(tensor:planned:written:)`` if a tensor is incomplete.
  package func finish() throws {
    try writeHead()
    try output.commit()
  }

  /// Writes header and table, and opens the file without giving it a name: it is gone when nobody
  /// uses it any more.
  /// - Throws: ``VarqWriterError/byteCount(tensor:planned:written:)`` if a tensor is incomplete.
  package func finishUnnamed() throws -> VarqFile {
    try writeHead()
    return try VarqFile(output.mapped())
  }

  private func writeHead() throws {
    if offsets.count < tensors.count {
      let (plan, byteCount) = tensors[offsets.count]
      throw VarqWriterError.byteCount(tensor: plan.name, planned: byteCount, written: progress)
    }
    let head = headerBeforeChecksum()
    let index = metadata + table()
    let checksum = try SHA256Digest.digest(of: head + index)
    try output.overwrite(head + checksum + index, at: 0)
  }

  /// Fills the gap before the current tensor.
  private func beginTensor() throws {
    guard offsets.count < tensors.count else { return }
    let place = VarqLayout.offset(after: output.count, byteCount: tensors[offsets.count].byteCount)
    try output.append([UInt8](repeating: 0, count: place - output.count))
  }

  private func endTensor() throws {
    offsets.append(output.count - progress)
    progress = 0
    try beginTensor()
  }

  /// The oldest minor version that has all of the file's formats, so that old readers read what they can.
  private var minorVersion: Int {
    tensors.contains { $0.plan.format.traits is any BlockFormat }
      ? VarqLayout.minorVersion : VarqLayout.firstMinorVersion
  }

  private func headerBeforeChecksum() -> [UInt8] {
    var bytes = VarqLayout.magic
    bytes.append(littleEndian: UInt16(VarqLayout.majorVersion))
    bytes.append(littleEndian: UInt16(minorVersion))
    bytes.append(littleEndian: UInt32(entryCount))
    bytes.append(littleEndian: UInt32(tensors.count))
    bytes.append(littleEndian: UInt32(0))
    bytes.append(littleEndian: UInt64(output.count))
    bytes.append(littleEndian: UInt64(metadata.count))
    bytes.append(littleEndian: UInt64(tableSize))
    return bytes + [UInt8](repeating: 0, count: VarqLayout.checksumOffset - bytes.count)
  }

  private func table() -> [UInt8] {
    var bytes: [UInt8] = []
    for ((plan, byteCount), (offset, checksum)) in zip(tensors, zip(offsets, digests.checksums)) {
      bytes.append(littleEndian: UInt16(plan.name.utf8.count))
      bytes.append(littleEndian: plan.format.id)
      bytes.append(littleEndian: UInt32(plan.shape.count))
      for dimension in plan.shape { bytes.append(littleEndian: UInt64(dimension)) }
      bytes.append(littleEndian: UInt64(offset))
      bytes.append(littleEndian: UInt64(byteCount))
      bytes += checksum + plan.name.utf8
    }
    return bytes
  }
}

/// The SHA-256 of tensors, one after the other.
private final class TensorDigests: @unchecked Sendable {
  // Unchecked: the writer waits for the thread that hashes before it goes on.
  private(set) var checksums: [[UInt8]] = []
  private let byteCounts: [Int]
  private var digest: SHA256Digest?
  private var progress = 0

  init(_ byteCounts: [Int]) { self.byteCounts = byteCounts }

  /// Takes in bytes of the next tensor that has not all of its own; what is beyond the last, the writer refuses.
  func update(_ bytes: UnsafeRawBufferPointer) throws {
    guard checksums.count < byteCounts.count else { return }
    let digest = try digest ?? SHA256Digest()
    try unsafe digest.update(bytes)
    progress += bytes.count
    self.digest = digest
    if progress == byteCounts[checksums.count] {
      checksums.append(try digest.finalize())
      (self.digest, progress) = (nil, 0)
    }
  }
}

/// How hashing ended, for the thread that waits for it.
private final class HashingOutcome: @unchecked Sendable {
  // Unchecked: read once the writing thread has ended.
  var failure: (any Error)?
}

extension VarqWriter {
  private static func byteCount(of plan: TensorPlan) throws(VarqDefect) -> Int {
    let length = plan.name.utf8.count
    guard (1...VarqLayout.maximumNameLength).contains(length) else {
      throw .tensorName(offset: 0, length: length)
    }
    guard let count = VarqLayout.byteCount(plan.shape, plan.format) else {
      throw .shape(
        tensor: plan.name, shape: plan.shape.map { UInt64(clamping: $0) }, format: plan.format)
    }
    return count
  }

  private static func check(
    _ metadataSize: Int, _ tableSize: Int, _ entryCount: Int, _ tensors: [TensorPlan]
  ) throws(VarqDefect) {
    try limit("the metadata's size", metadataSize, VarqLayout.maximumSectionSize)
    try limit("the table's size", tableSize, VarqLayout.maximumSectionSize)
    try limit("the number of metadata entries", entryCount, VarqLayout.maximumEntries)
    try limit("the number of tensors", tensors.count, VarqLayout.maximumEntries)
    var names: Set<ByteKey> = []
    for plan in tensors where !names.insert(ByteKey(plan.name)).inserted {
      throw .duplicateTensor(name: plan.name)
    }
  }

  private static func limit(_ name: String, _ value: Int, _ limit: UInt64) throws(VarqDefect) {
    if UInt64(value) > limit {
      throw .headerField(name: name, value: UInt64(value), limit: limit)
    }
  }
}
