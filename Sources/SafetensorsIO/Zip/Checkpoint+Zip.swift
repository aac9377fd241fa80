internal import TensorBytes

extension Checkpoint {
  /// The longest pickle that is read; those of real checkpoints have a few megabytes at most.
  private static let pickleLimit = 256 << 20

  /// Opens the zip container: `ROOT/data.pkl` and a `ROOT/data/KEY` for each storage.
  static func openZip(_ file: MappedFile) throws(CheckpointError) -> Checkpoint {
    let parts: ZipParts
    do throws(ZipError) {
      parts = try ZipParts(file)
    } catch { throw .zip(path: file.path, error) }
    if parts.isTorchScript {
      throw .unsupportedKind(
        path: file.path,
        what: "a TorchScript program (torch.jit.save), not a state dict; save "
          + "model.state_dict() with torch.save")
    }
    let document: PickleDocument
    do throws(PickleError) {
      var reader = ByteReader(parts.pickle)
      document = try Unpickler.load(&reader)
    } catch { throw .pickle(path: file.path, error) }
    let storages: [StorageLocation]
    do throws(ZipError) {
      storages = try parts.locate(document.storages)
    } catch { throw .zip(path: file.path, error) }
    return try assemble(document, file, .pytorchZip, storages: storages)
  }

  /// The entries of a PyTorch archive.
  private struct ZipParts {
    let archive: ZipArchive
    /// The root folder's name with its slash, or nothing.
    let root: String
    let pickle: [UInt8]

    var isTorchScript: Bool { archive.entries[name: root + "constants.pkl"] != nil }

    init(_ file: MappedFile) throws(ZipError) {
      archive = try ZipArchive(file)
      let pickles = archive.entries.values.filter {
        $0.name == "data.pkl" || $0.name.hasSuffix("/data.pkl")
      }
      guard pickles.count == 1, let entry = pickles.first else {
        throw .pickleCount(pickles.count)
      }
      let name = entry.name
      root = String(name.dropLast("data.pkl".count))
      guard entry.size <= pickleLimit else { throw .badSize(entry: name, size: entry.size) }
      if let order = archive.entries[name: root + "byteorder"] {
        let text = String(decoding: try Self.content(of: order, file, limit: 16), as: UTF8.self)
        guard text == "little" else { throw .byteOrder(text) }
      }
      pickle = try Self.content(of: entry, file, limit: pickleLimit)
    }

    private static func content(
      of entry: ZipEntry, _ file: MappedFile, limit: Int
    ) throws(ZipError) -> [UInt8] {
      guard entry.size <= limit else { throw .badSize(entry: entry.name, size: entry.size) }
      do {
        if entry.isDeflated {
          let content = try Inflater.inflate(file, entry)
          return try unsafe content.withBytes { bytes in
            try unsafe Inflater.verify(bytes, entry.checksum)
            return unsafe Array(bytes)
          }
        }
        return try unsafe file.withBytes(in: entry.range) { bytes in
          try unsafe Inflater.verify(bytes, entry.checksum)
          return unsafe Array(bytes)
        }
      } catch let error as StorageError {
        throw .damaged(entry: entry.name, error)
      } catch {
        throw .badSize(entry: entry.name, size: entry.size)
      }
    }

    /// The entry of each storage, which must hold at least the bytes that the pickle counts.
    func locate(_ storages: [PickledStorage]) throws(ZipError) -> [StorageLocation] {
      var locations: [StorageLocation] = []
      for storage in storages {
        guard let entry = archive.entries[name: root + "data/" + storage.key] else {
          // Some writers leave out entries without bytes.
          guard storage.byteCount == 0 else { throw .missingStorage(key: storage.key) }
          locations.append(StorageLocation(file: 0, range: 0..<0))
          continue
        }
        guard entry.size >= storage.byteCount else {
          throw .storageSize(key: storage.key, expected: storage.byteCount, actual: entry.size)
        }
        locations.append(StorageLocation(file: 0, range: entry.range, entry: entry))
      }
      return locations
    }
  }
}
