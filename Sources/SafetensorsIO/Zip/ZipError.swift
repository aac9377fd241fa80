package import TensorBytes

/// Why a zip archive was refused.
package enum ZipError: Error, Equatable, Sendable, CustomStringConvertible {
  /// There is no end of central directory: the file is cut short, or no zip.
  case noEndRecord
  /// A record ends too early.
  case reading(ByteReaderError)
  /// A record does not begin with its signature.
  case badSignature(record: String, offset: Int)
  /// The archive is one of several volumes.
  case multipleVolumes
  /// The central directory holds more or fewer entries, or bytes, than the end record says.
  case directoryMismatch(expected: Int, actual: Int)
  /// Two entries have one name.
  case duplicateEntry(String)
  /// An entry needs a password.
  case encrypted(entry: String)
  /// An entry is compressed in another way than by deflate.
  case compressionMethod(entry: String, method: Int)
  /// An entry's local header has another name than the central directory says.
  case nameMismatch(entry: String)
  /// An entry's bytes are not within the file, or its sizes contradict each other.
  case badSize(entry: String, size: Int)
  /// Two entries share bytes.
  case overlap(entry: String)
  /// The archive has no, or more than one, `data.pkl`.
  case pickleCount(Int)
  /// The archive lacks the bytes of a storage.
  case missingStorage(key: String)
  /// A storage's entry has another size than the pickle says.
  case storageSize(key: String, expected: Int, actual: Int)
  /// The numbers are stored in another byte order.
  case byteOrder(String)
  /// The archive would cost more memory than a file of its size may.
  case budget(BudgetError)
  /// The archive holds something else than a checkpoint of PyTorch: what, and what to do.
  case foreign(String)
  /// Bytes of an entry that is read at opening are damaged.
  case damaged(entry: String, StorageError)

  /// The message for the user.
  package var description: String {
    switch self {
    case .noEndRecord: "the zip archive has no end record: the file is incomplete"
    case .reading(let error): "zip archive: \(error)"
    case .badSignature(let record, let offset): "zip archive: no \(record) at byte \(offset)"
    case .multipleVolumes: "zip archives of several volumes are not supported"
    case .directoryMismatch(let expected, let actual):
      "zip archive: the directory's end record says \(expected), found \(actual)"
    case .duplicateEntry(let name): "zip archive: two entries are named \(name.printable())"
    case .encrypted(let entry): "zip archive: \(entry.printable()) is encrypted"
    case .compressionMethod(let entry, let method):
      "zip archive: \(entry.printable()) is compressed by method \(method); only deflate is supported"
    case .nameMismatch(let entry):
      "zip archive: the local header of \(entry.printable()) has another name"
    case .badSize(let entry, let size):
      "zip archive: the size of \(entry.printable()), \(size) bytes, cannot be right"
    case .overlap(let entry): "zip archive: \(entry.printable()) shares bytes with another entry"
    case .pickleCount(let count):
      "the zip archive holds \(count) entries named data.pkl instead of one: "
        + "not written by torch.save"
    case .missingStorage(let key): "the zip archive lacks the storage data/\(key.printable())"
    case .storageSize(let key, let expected, let actual):
      "storage data/\(key.printable()) has \(actual) bytes instead of \(expected)"
    case .byteOrder(let order):
      "the numbers are stored in byte order \"\(order.printable())\", not little"
    case .budget(let error): "zip archive: \(error)"
    case .foreign(let what): "a zip archive that holds \(what)"
    case .damaged(let entry, let error): "zip archive: \(entry.printable()): \(error)"
    }
  }
}
