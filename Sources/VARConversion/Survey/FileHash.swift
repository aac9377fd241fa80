internal import Dispatch
internal import Synchronization
internal import TensorBytes

/// The SHA-256 of a file, computed on a thread of its own while another reads the file, a few pieces
/// behind it.
final class FileHash: Sendable {
  private let file: MappedFile
  private let queue = DispatchQueue(label: "SHA-256")
  /// Pieces that may wait: what is read is still in memory when its turn comes.
  private let room = DispatchSemaphore(value: 8)
  // Tasks of the queue alone touch it, one after the other.
  private nonisolated(unsafe) let hash: SHA256Digest
  private let failure = Mutex<(any Error)?>(nil)
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
      return SHA256Digest.hex(try unsafe hash.finalize())
    }
  }
}
