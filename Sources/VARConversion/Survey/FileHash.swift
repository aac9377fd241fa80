internal import Dispatch
internal import SafetensorsIO
internal import Synchronization
internal import TensorBytes

/// The SHA-256 of a file, computed on a thread of its own behind another that reads the file.
final class FileHash: Sendable {
  private let file: MappedFile
  private let queue = DispatchQueue(label: "SHA-256")
  /// Pieces that may wait: a gigabyte that was read, and that the system still has where it has the memory.
  private let room = DispatchSemaphore(value: (1 << 30) / Checkpoint.pieceSize)
  private let isWanted = Atomic(true)
  // Tasks of the queue alone touch it, one after the other.
  private nonisolated(unsafe) let hash: SHA256Digest
  private let failure = Mutex<(any Error)?>(nil)
  private let result = Mutex<String?>(nil)
  /// Bytes that were handed over.
  private let handedOver = Mutex(0)

  /// Begins at the file's first byte.
  init(_ file: MappedFile) throws {
    self.file = file
    unsafe hash = try SHA256Digest()
  }

  /// Hands over the next bytes, which are read and hashed later; waits where too many are.
  func add(_ count: Int) {
    let start = handedOver.withLock { handedOver in
      defer { handedOver += count }
      return handedOver
    }
    room.wait()
    queue.async { [self] in
      defer { room.signal() }
      guard isWanted.load(ordering: .relaxed) else { return }
      do {
        if let failure = failure.withLock(\.self) { throw failure }
        try unsafe file.withBytes(in: start..<start + count) { try unsafe hash.update($0) }
      } catch {
        failure.withLock { $0 = error }
      }
      file.release(start..<start + count)
    }
  }

  /// The digest of all that was handed over, in hexadecimal digits.
  /// - Throws: `DigestError`, `FileError`.
  func digest() throws -> String {
    try queue.sync {
      if let failure = failure.withLock(\.self) { throw failure }
      return try result.withLock { result in
        let digest = try result ?? SHA256Digest.hex(unsafe hash.finalize())
        result = digest
        return digest
      }
    }
  }

  /// Leaves out what has not been hashed; there is no digest then.
  func abandon() { isWanted.store(false, ordering: .relaxed) }
}

/// The SHA-256 of the files of a source, which may still be in the making while their weights are converted.
package final class SourceDigests: Sendable {
  let hashes: [FileHash]

  init(_ files: [MappedFile]) throws { hashes = try files.map { try FileHash($0) } }

  deinit { for hash in hashes { hash.abandon() } }

  /// In hexadecimal digits, in the order of the files; waits for them.
  /// - Throws: `DigestError`, `FileError`.
  package func values() throws -> [String] { try hashes.map { try $0.digest() } }
}
