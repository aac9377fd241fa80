package import TensorBytes

/// Why PyTorch's legacy container was refused.
package enum LegacyError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The first pickle is not PyTorch's magic number: some other program's pickle.
  case notPyTorch
  /// Another version of the container.
  case protocolVersion(Int?)
  /// The numbers are stored in another byte order.
  case bigEndian
  /// The list of storages is no list of keys that the pickle uses, each once.
  case badStorageList
  /// A storage has another number of elements than the pickle says.
  case storageCount(key: String, expected: Int, actual: Int)
  /// A record ends too early.
  case reading(ByteReaderError)

  /// The message for the user.
  package var description: String {
    switch self {
    case .notPyTorch: "a pickle, but not one that torch.save wrote"
    case .protocolVersion(let version):
      "PyTorch's container has version \(version.map(String.init) ?? "?"), only 1001 is known"
    case .bigEndian: "the numbers are stored in byte order \"big\", not little"
    case .badStorageList: "the list of storages does not match those that the tensors use"
    case .storageCount(let key, let expected, let actual):
      "storage \(key.printable()) has \(actual) elements instead of \(expected)"
    case .reading(let error): "\(error)"
    }
  }
}

/// The container that `torch.save` wrote before 1.6, and writes without zip: the pickles of a magic
/// number, a version, facts on the system, the object and the storages' keys, then the storages.
struct LegacyContainer {
  private(set) var document: PickleDocument
  /// The bytes of each storage of the document, in the file.
  private(set) var ranges: [Range<Int>] = []

  /// 0x1950a86a20f9469cfc6c, little-endian.
  static let magic: [UInt8] = [0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19]
  static let version = 1001

  init(_ file: MappedFile, _ budget: inout FileBudget) throws(CheckpointError) {
    let path = file.path
    var reader = try Self.reader(file)
    func load() throws(CheckpointError) -> PickleDocument {
      do throws(PickleError) {
        return try Unpickler.load(&reader, &budget)
      } catch { throw .pickle(path: path, error) }
    }
    let magic = try load()
    guard case .bigInt(Self.magic) = magic.root else { throw .legacy(path: path, .notPyTorch) }
    let version = try load().root.int
    guard version == Self.version else { throw .legacy(path: path, .protocolVersion(version)) }
    if Self.isBigEndian(try load()) { throw .legacy(path: path, .bigEndian) }
    document = try load()
    let keys = try load()
    do throws(LegacyError) {
      ranges = try Self.storages(of: document, keys, &reader)
    } catch { throw .legacy(path: path, error) }
  }

  private static func reader(_ file: MappedFile) throws(CheckpointError) -> ByteReader {
    do throws(FileError) {
      return try ByteReader(file, in: 0..<file.count)
    } catch { throw .file(error) }
  }

  private static func isBigEndian(_ system: PickleDocument) -> Bool {
    guard case .dict(let index) = system.root else { return false }
    let elements = system.heap[index].elements
    for position in stride(from: 0, to: elements.count, by: 2)
    where elements[position].text == "little_endian" {
      if case .bool(false) = elements[position + 1] { return true }
    }
    return false
  }

  /// Each storage in the order of the keys: the number of elements, then the elements.
  private static func storages(
    of document: PickleDocument, _ keys: PickleDocument, _ reader: inout ByteReader
  ) throws(LegacyError) -> [Range<Int>] {
    guard let order = keys.sequence(keys.root), order.count == document.storages.count else {
      throw .badStorageList
    }
    var indices: [ByteKey: Int] = [:]
    for (index, storage) in document.storages.enumerated() { indices[name: storage.key] = index }
    var ranges = [Range<Int>](repeating: 0..<0, count: order.count)
    for element in order {
      let key = element.text ?? element.int.map(String.init) ?? ""
      guard let index = indices.removeValue(forKey: ByteKey(key)) else { throw .badStorageList }
      ranges[index] = try bytes(of: document.storages[index], &reader)
    }
    return ranges
  }

  private static func bytes(
    of storage: PickledStorage, _ reader: inout ByteReader
  ) throws(LegacyError) -> Range<Int> {
    let count: Int
    do throws(ByteReaderError) {
      count = Int(try reader.read(Int64.self))
      let start = reader.offset
      if count == storage.count {
        try reader.skip(storage.byteCount)
        return start..<reader.offset
      }
    } catch { throw .reading(error) }
    throw .storageCount(key: storage.key, expected: storage.count, actual: count)
  }
}
