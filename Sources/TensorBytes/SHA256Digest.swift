internal import CCrypto

/// OpenSSL could not compute a SHA-256, which only a broken OpenSSL configuration brings about.
package enum DigestError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The OpenSSL function that failed.
  case openSSL(function: String)

  /// The message for the user.
  package var description: String {
    switch self {
    case .openSSL(let function):
      "OpenSSL cannot compute SHA-256 (\(function) failed); check its configuration (openssl.cnf)"
    }
  }
}

/// A SHA-256 (FIPS 180-4) of bytes that come piece by piece.
@safe package final class SHA256Digest {
  private let context: OpaquePointer

  /// Begins a digest.
  /// - Throws: ``DigestError``.
  package init() throws(DigestError) {
    guard let context = unsafe EVP_MD_CTX_new() else {
      throw .openSSL(function: "EVP_MD_CTX_new")
    }
    unsafe self.context = context
    guard unsafe EVP_DigestInit_ex(context, Self.algorithm ?? EVP_sha256(), nil) == 1 else {
      throw .openSSL(function: "EVP_DigestInit_ex")
    }
  }

  deinit { unsafe EVP_MD_CTX_free(context) }

  /// Looked up once: EVP_sha256 makes OpenSSL do so for every digest. Never freed, never changed.
  private nonisolated(unsafe) static let algorithm = unsafe EVP_MD_fetch(nil, "SHA256", nil)

  /// Takes in more bytes.
  package func update(_ bytes: UnsafeRawBufferPointer) throws(DigestError) {
    guard unsafe bytes.isEmpty || EVP_DigestUpdate(context, bytes.baseAddress, bytes.count) == 1
    else { throw .openSSL(function: "EVP_DigestUpdate") }
  }

  /// Takes in more bytes.
  package func update(_ bytes: [UInt8]) throws(DigestError) {
    var failure: DigestError?
    unsafe bytes.withUnsafeBytes { buffer in
      do throws(DigestError) { try unsafe update(buffer) } catch { failure = error }
    }
    if let failure { throw failure }
  }

  /// The 32 bytes of the digest; nothing may be taken in afterwards.
  package func finalize() throws(DigestError) -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: 32)
    guard unsafe EVP_DigestFinal_ex(context, &digest, nil) == 1 else {
      throw .openSSL(function: "EVP_DigestFinal_ex")
    }
    return digest
  }

  /// The digest of an array.
  package static func digest(of bytes: [UInt8]) throws(DigestError) -> [UInt8] {
    let digest = try SHA256Digest()
    try digest.update(bytes)
    return try digest.finalize()
  }

  /// The digest of a range of a file (all of it by default), whose pages are released on the way.
  /// - Throws: ``DigestError``, ``FileError``.
  package static func digest(of file: MappedFile, in range: Range<Int>? = nil) throws -> [UInt8] {
    let range = range ?? 0..<file.count
    let digest = try SHA256Digest()
    var start = range.lowerBound
    while start < range.upperBound {
      let piece = start..<min(start + pieceSize, range.upperBound)
      try unsafe file.withBytes(in: piece) { try unsafe digest.update($0) }
      file.release(piece)
      start = piece.upperBound
    }
    return try digest.finalize()
  }

  /// The digits of a digest, lower case.
  package static func hex(_ digest: [UInt8]) -> String {
    func digit(_ value: UInt8) -> UInt8 { value + (value < 10 ? 0x30 : 0x57) }
    var text: [UInt8] = []
    text.reserveCapacity(2 * digest.count)
    for byte in digest {
      text.append(digit(byte >> 4))
      text.append(digit(byte & 15))
    }
    return String(decoding: text, as: UTF8.self)
  }

  private static let pieceSize = 4 << 20
}
